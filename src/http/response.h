#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace olla::http {

/// The reason phrase of a status code (RFC 9110, section 15); "Unknown" for one not registered.
std::string_view reason_phrase(int status);

/// `time` as an IMF-fixdate (RFC 9110, section 5.6.7).
std::string http_date(std::time_t time);

/// A whole response that this program makes itself, with a sized body.
struct OwnResponse {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view body;
  std::string_view extra_fields;  ///< Complete field lines, each with its CRLF.
  bool keep_alive = true;
  bool head_only = false;  ///< The answer to HEAD: all fields, no body.
  int client_minor_version = 1;
  std::time_t now = 0;
};

void append_response(const OwnResponse& response, std::string& out);

}  // namespace olla::http
