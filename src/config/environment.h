#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace olla::config {

/// Looks an environment variable up; nullopt when it is not set. Handed in, so that tests need not
/// change the process. Must not be an empty function.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process. Not to be called while another thread changes it.
Environment system_environment();

/// `text` with every ${NAME} and ${NAME:-default} replaced. The default is taken when the variable
/// is unset or empty. A "$" without "{" stays as it is; what a variable holds is not looked at
/// again.
///
/// Errors: kMalformed; `detail` names the variable that is not set, or says what is wrong with the
/// expression. It never holds the value of a variable.
Result<std::string> substitute(std::string_view text, const Environment& env);

}  // namespace olla::config
