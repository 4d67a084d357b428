#include "sim/answer.h"

#include <algorithm>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr std::string_view kContentLength = "content-length";
constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kJson = "application/json";

Answer typed_answer(int status, std::string_view type, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.headers.emplace_back(kContentLength, std::to_string(answer.body.size()));
  answer.headers.emplace_back(kContentType, type);
  answer.headers.emplace_back("vary", "Origin");
  return answer;
}

}  // namespace

Answer json_answer(std::string body) {
  return typed_answer(200, kJson, std::move(body));
}

Answer metrics_answer(std::string body) {
  return typed_answer(200, "text/plain; version=1.0.0; charset=utf-8", std::move(body));
}

Answer empty_answer() {
  Answer answer;
  answer.headers = {{kContentLength, "0"}, {"vary", "Origin"}};
  return answer;
}

Answer error_answer(const ErrorBody& error) {
  std::string body = R"({"error":{"message":)";
  append_json_string(body, error.message);
  body += R"(,"type":)";
  append_json_string(body, error.type);
  body += R"(,"param":)";
  if (error.param.empty()) {
    body += "null";
  } else {
    append_json_string(body, error.param);
  }
  body += R"(,"code":)" + std::to_string(error.status) + "}}";
  return typed_answer(error.status, kJson, std::move(body));
}

Answer parameter_answer(const ParameterError& error) {
  ErrorBody body;
  body.message = error.message;
  if (error.dialect == Dialect::kNew) {
    body.message.append(" (parameter=").append(error.name);
    if (!error.value.empty()) body.message.append(", value=").append(error.value);
    body.message += ")";
    body.param = error.name;
  }
  return error_answer(body);
}

Answer detail_answer(int status, std::string_view detail) {
  std::string body = R"({"detail":)";
  append_json_string(body, detail);
  body += '}';
  return typed_answer(status, kJson, std::move(body));
}

Answer not_found_answer() {
  return detail_answer(404, "Not Found");
}

Answer method_not_allowed_answer(std::string_view allow) {
  Answer answer = detail_answer(405, "Method Not Allowed");
  answer.headers.insert(answer.headers.begin(), {"allow", std::string(allow)});
  return answer;
}

Answer redirect_answer(std::string location) {
  Answer answer;
  answer.status = 307;
  answer.headers = {{kContentLength, "0"}, {"location", std::move(location)}, {"vary", "Origin"}};
  return answer;
}

Answer internal_error_answer() {
  return typed_answer(500, "text/plain; charset=utf-8", "Internal Server Error");
}

void adapt(Answer& answer, Dialect dialect) {
  if (dialect == Dialect::kNew) return;
  const auto is_vary = [](const auto& header) { return header.first == "vary"; };
  answer.headers.erase(std::remove_if(answer.headers.begin(), answer.headers.end(), is_vary),
                       answer.headers.end());
}

}  // namespace olla::sim
