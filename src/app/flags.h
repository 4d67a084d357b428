#pragma once

#include <string>
#include <vector>

namespace olla::app {

/// The arguments of a command line with Olla's flags in the form that this program has for them.
/// Olla takes its long flags with one dash too, and with "=" before a value:
///
///   -config FILE, -c=FILE, --c FILE      to --config FILE
///   -version, -validate-config, -profile to the same with two dashes
///
/// Another flag of several letters gets two dashes too, so that none is taken for a row of flags of
/// one letter. Everything else stays, also what stands behind "--".
std::vector<std::string> normal_arguments(const std::vector<std::string>& arguments);

}  // namespace olla::app
