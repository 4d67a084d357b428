#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "openai/members.h"
#include "openai/request.h"

namespace {

using olla::openai::BodyKind;
using olla::openai::RequestFacts;

using Keys = std::vector<std::string>;

// The keys of `object` in order, duplicates included, which a parsed document does not show.
Keys keys_of(std::string_view object) {
  Keys keys;
  const auto collect = [&keys](int depth, nlohmann::json::parse_event_t event,
                               nlohmann::json& parsed) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key)
      keys.push_back(parsed.get<std::string>());
    return true;
  };
  const auto document = nlohmann::json::parse(object, collect, /*allow_exceptions=*/false);
  OLLA_CHECK(document.is_object());
  return keys;
}

void compare_object(std::string_view json, const nlohmann::json& document,
                    const RequestFacts& facts) {
  const Keys keys = keys_of(json);
  olla::openai::MemberScanner scanner(json);
  olla::openai::Member member;
  std::size_t seen = 0;
  while (scanner.next(member)) {
    OLLA_CHECK(member.key.data() >= json.data());
    OLLA_CHECK(member.value.data() + member.value.size() <= json.data() + json.size());
    OLLA_CHECK(seen < keys.size());
    OLLA_CHECK(olla::openai::decode_json_string(member.key) == keys[seen]);
    OLLA_CHECK(nlohmann::json::accept(member.value));
    ++seen;
  }
  OLLA_CHECK(!scanner.malformed());
  OLLA_CHECK(seen == keys.size());
  if (document.size() != keys.size()) return;  // Duplicates: the parser need not keep the last.

  const auto model = document.find("model");
  const bool named = model != document.end() && model->is_string();
  OLLA_CHECK(facts.model.has_value() == named);
  if (named) OLLA_CHECK(*facts.model == model->get_ref<const std::string&>());
  const auto stream = document.find("stream");
  if (stream == document.end()) OLLA_CHECK(!facts.stream);
  if (stream != document.end() && stream->is_boolean())
    OLLA_CHECK(facts.stream == stream->get<bool>());
}

BodyKind kind_of(const nlohmann::json& document) {
  if (document.is_object()) return BodyKind::kObject;
  if (document.is_array()) return BodyKind::kArray;
  if (document.is_string()) return BodyKind::kString;
  if (document.is_number()) return BodyKind::kNumber;
  if (document.is_boolean()) return BodyKind::kBoolean;
  return BodyKind::kNull;
}

}  // namespace

// What a full parser accepts, the scanner must read in the same way; on anything else it must only
// stay within the bytes and end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const RequestFacts facts = olla::openai::inspect_request(json);
  OLLA_CHECK((facts.kind == BodyKind::kEmpty) == json.empty());
  OLLA_CHECK(facts.error_offset <= json.size());
  OLLA_CHECK(nlohmann::json::accept(olla::openai::json_quoted(json)));
  if (facts.kind == BodyKind::kArray) (void)olla::openai::count_elements(json);

  // The parser takes a zero byte for the end of the text, and accepts anything behind it.
  if (json.find('\0') != std::string_view::npos) return 0;
  const auto document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return 0;
  OLLA_CHECK(facts.kind == kind_of(document));
  if (document.is_object()) compare_object(json, document, facts);
  return 0;
}
