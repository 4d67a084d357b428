#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "openai/multipart.h"
#include "openai/splice.h"

// The value that is found lies in the body, and one that is put in its place is found there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto value = olla::openai::form_field(body, "model");
  if (!value) return 0;
  OLLA_CHECK(value->data() >= body.data());
  OLLA_CHECK(value->data() + value->size() <= body.data() + body.size());
  const auto edited = olla::openai::with_model(body, "another");
  OLLA_CHECK(edited.has_value());
  OLLA_CHECK(olla::openai::form_field(*edited, "model") == "another");
  OLLA_CHECK(edited->size() == body.size() - value->size() + 7);
  return 0;
}
