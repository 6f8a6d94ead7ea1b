// Memory between sentinels (core/pool.h): an op that writes outside is named.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "autograd/tape.h"
#include "core/kernels/scratch.h"

using namespace seqtape;

namespace {

const bool on = ::setenv("SEQTAPE_SENTINELS", "1", 1) == 0;  // before the first allocation

/// Copies x, and writes one element too many where it is told to.
struct Careless {
  static constexpr OpSchema schema{.name = "careless", .inputs = {"x"}, .outputs = {"y"}};
  enum class Where { nowhere, output, before_output, saved, gradient, scratch } where;
  Shapes output_shapes(const Inputs& in) const { return {in[0].shape()}; }
  Index saved_size(const Inputs&) const { return 5; }
  void forward(const Operands& v) const {
    std::copy_n(v.in[0].data(), v.in[0].size(), v.out[0].data());
    if (where == Where::output) v.out[0].data()[v.out[0].size()] = 7;
    if (where == Where::before_output) v.out[0].data()[-1] = 7;
    if (where == Where::saved && v.saved.defined()) v.saved.data()[5] = 7;
    if (where == Where::scratch) kernels::Scratch(3).data()[3] = 7;
  }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const {
    Real* const dx = into[0];
    for (Index i = 0; i < dy[0].size() + (where == Where::gradient); ++i)
      dx[i] += i < dy[0].size() ? dy[0].data()[i] : 1;
  }
};

void run(Careless::Where where) {
  const Variable x(Tensor::full(Shape{3, 1}, 0.5), true);
  Tape tape;
  const Variable y = apply(Careless{where}, {x})[0];
  tape.backward({{y, Tensor::full(y.shape(), 1)}});
}

/// What a child process says before it is aborted; "" when it is not.
std::string last_words_of(const std::function<void()>& work) {
  int ends[2];
  REQUIRE_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);  // not doctest's
    ::dup2(ends[1], STDERR_FILENO);
    work();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? text : "";
}

}  // namespace

TEST_CASE("an op that writes outside its memory is named, with its shapes") {
  REQUIRE(on);
  REQUIRE(pool::sentinels());
  using Where = Careless::Where;
  const auto words = [](Where where) { return last_words_of([where] { run(where); }); };
  CHECK_EQ(words(Where::nowhere), "");
  const std::string outside = "memory: careless of x [3, 1] wrote outside a block of ";
  CHECK_EQ(words(Where::output), outside + "12 bytes\n");
  CHECK_EQ(words(Where::before_output), outside + "12 bytes\n");
  CHECK_EQ(words(Where::saved), outside + "20 bytes\n");
  CHECK_EQ(words(Where::gradient), outside + "12 bytes\n");
  CHECK_EQ(words(Where::scratch), outside + "12 bytes\n");
}

TEST_CASE("memory begins as NaN, so that what nobody wrote is seen") {
  const Tensor unset(Shape{4});
  for (Index i = 0; i < 4; ++i) CHECK(std::isnan(unset.data()[i]));
}
