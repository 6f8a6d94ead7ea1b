#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/files.h"
#include "data/readers/sound.h"

namespace seqtape {

Proposal propose_audio(const Paths& paths) {
  constexpr double kHighest = 16000;
  const auto path = only_path(paths, "audio", "a folder with a folder of recordings for each class");
  Proposal proposal;
  proposal.task = {{"name", "audio"}};
  const auto data = set_data_path(proposal.task, path);
  struct Recording {
    std::string label;
    double seconds;
  };
  std::vector<Recording> recordings;
  std::map<double, Index> rates;
  LeftOut left_out;
  for (const auto& [file, label] : class_files(data, left_out, "new audio: ")) {
    const Sound sound = read_sound(file);
    ++rates[sound.rate];
    recordings.push_back({label, sound.frames() ? static_cast<double>(sound.frames()) / sound.rate : 0});
  }
  const auto common =
      std::max_element(rates.begin(), rates.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const double rate = std::min(common->first, kHighest);
  std::vector<std::string> heard;
  for (const auto& [of, count] : rates) heard.push_back(format("%g Hz (%lld)", of, static_cast<long long>(count)));
  proposal.task["rate"] = static_cast<Index>(rate);
  ClassCounts counts;
  for (const Recording& one : recordings) counts.add(one.label, static_cast<Index>(std::ceil(one.seconds * rate)));
  counts.propose(proposal, data, "recording", "samples", 16384);
  proposal.seen.push_back(str("rates: ", join(heard, ", "), "; all are read at ", static_cast<Index>(rate), " Hz"));
  constexpr double kWindow = 0.128;  // seconds of a frame; of recordings that have not one the samples may tell more
  const auto fits = [](const Recording& one) { return one.seconds == 0 || one.seconds >= kWindow; };
  if (std::all_of(recordings.begin(), recordings.end(), fits)) {
    proposal.task["features"] = "logmel";
    proposal.seen.push_back("the model reads bands of the mel scale: task.features is \"logmel\"");
  }
  return proposal;
}

}  // namespace seqtape
