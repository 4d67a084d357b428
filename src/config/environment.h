#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace olla::config {

/// Looks an environment variable up; nullopt when it is not set. Handed in, so that tests need not
/// change the process. Must not be an empty function.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process. Not to be called while another thread changes it.
Environment system_environment();

/// The names of all variables of this process that begin with `prefix`, sorted. As
/// system_environment().
std::vector<std::string> system_variables(std::string_view prefix);

/// Whether a variable is one that Kubernetes sets for each Service: of one named "olla" for example
/// OLLA_SERVICE_HOST, OLLA_PORT with the value "tcp://10.0.0.1:40114" and OLLA_PORT_40114_TCP.
bool is_of_kubernetes(std::string_view name, std::string_view value);
/// Whether it is one of the kind of OLLA_PORT, whose name may mean something else to a program.
bool is_service_address(std::string_view name, std::string_view value);

/// `text` with every ${NAME} and ${NAME:-default} replaced. The default is taken when the variable
/// is unset or empty. A "$" without "{" stays as it is; what a variable holds is not looked at
/// again.
///
/// Errors: kMalformed; `detail` names the variable that is not set, or says what is wrong with the
/// expression. It never holds the value of a variable.
Result<std::string> substitute(std::string_view text, const Environment& env);

}  // namespace olla::config
