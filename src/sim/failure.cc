#include "sim/failure.h"

#include <string_view>

namespace olla::sim {
namespace {

constexpr std::string_view kEngineDead =
    "EngineCore encountered an issue. See stack trace (above) for the root cause.";

}  // namespace

Answer busy_answer() {
  ErrorBody error;
  error.status = 503;
  error.type = "Service Unavailable";
  error.message =
      "The engine is currently busy and cannot accept new requests. Please try again later or on a "
      "different instance.";
  return error_answer(error);
}

Answer shutdown_answer() {
  ErrorBody error;
  error.status = 500;
  error.type = "InternalServerError";
  error.message = "cannot schedule new futures after shutdown";
  return error_answer(error);
}

Answer engine_dead_answer(Dialect dialect) {
  ErrorBody error;
  error.status = 500;
  error.type = dialect == Dialect::kOld ? "Internal Server Error" : "InternalServerError";
  error.message = kEngineDead;
  return error_answer(error);
}

std::string engine_dead_event(Dialect dialect) {
  std::string out = R"(data: {"error": {"message": ")";
  out += kEngineDead;
  out += dialect == Dialect::kOld ? R"(", "type": "BadRequestError", "param": null, "code": 400}})"
                                  : R"(", "type": "InternalServerError", "param": null, )"
                                    R"("code": 500}})";
  return out + "\n\n";
}

}  // namespace olla::sim
