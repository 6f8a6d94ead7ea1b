#pragma once
// The checks of ops while one of them is wrong on purpose (autograd/sabotage.h), in both precisions.

#include <string>
#include <vector>

namespace seqtape::testing_bridge {

/// Breaks the op in this precision; "": nothing is broken.
void sabotage_in_float(const std::string&);
void sabotage_in_double(const std::string&);
bool struck_in_float();
bool struck_in_double();

/// What the reference of its ops says of a case: "", or what differs.
std::string reference_report_in_float(std::size_t which);
std::string reference_report_in_double(std::size_t which);

/// The names of the ops that a case runs.
std::vector<std::string> ops_of_case(std::size_t which);
/// What can be done to the ops of all cases: one text each, in order.
std::vector<std::string> all_sabotages();

}  // namespace seqtape::testing_bridge
