#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "sim/answer.h"
#include "sim/dialect.h"
#include "sim/routes.h"

namespace olla::sim {

/// What a scale-out route says where it is not switched on: 403.
Answer scale_out_answer();

/// And where it is: requests to abort are taken, others get 501.
Answer scaled_out_answer(std::string_view path);

/// /v1/systemone, /generative_scoring and /v2/embed: their requests are checked as vLLM checks
/// them, and those that are right get 501.
Answer checked_answer(std::string_view path, const nlohmann::json& body, Dialect dialect);

/// The path of the route that takes a request to /invocations, which follows from its members;
/// empty when `service` has none for it.
std::string_view invoked_path(const nlohmann::json& body, Service service);

/// The answer then.
Answer no_invocation_answer();

}  // namespace olla::sim
