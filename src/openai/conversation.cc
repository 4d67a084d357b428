#include "openai/conversation.h"

#include <algorithm>
#include <string>

#include "openai/members.h"
#include "openai/request.h"

namespace olla::openai {
namespace {

/// Takes in text up to a limit, and forgets the rest.
class LimitedHash {
 public:
  LimitedHash(Fnv1a& hash, std::size_t limit) : hash_(hash), left_(limit) {}

  void add(std::string_view text) {
    const std::string_view part = text.substr(0, left_);
    hash_.add(part);
    left_ -= part.size();
  }
  void add_uncounted(std::string_view text) { hash_.add(text); }
  /// The end of something: what follows is not a part of it.
  void end() { hash_.add(std::string_view("\0", 1)); }
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  Fnv1a& hash_;
  std::size_t left_;
};

bool is_string(std::string_view value) {
  return value.size() >= 2 && value.front() == '"';
}
bool is_array(std::string_view value) {
  return !value.empty() && value.front() == '[';
}
bool is_object(std::string_view value) {
  return !value.empty() && value.front() == '{';
}

/// The bytes of the escape that `raw` begins with, both halves of a pair of surrogates together.
std::size_t escape_size(std::string_view raw) {
  if (raw.size() < 2 || raw[1] != 'u') return 2;
  const bool is_high = raw.size() > 3 && (raw[2] == 'd' || raw[2] == 'D') && raw[3] != '0' &&
                       std::string_view("89abAB").find(raw[3]) != std::string_view::npos;
  return is_high && raw.substr(6, 2) == "\\u" ? 12 : 6;
}

/// The text of a JSON string, as far as `hash` takes it.
void add_string(std::string_view value, LimitedHash& hash) {
  const std::string_view raw = value.substr(1, value.size() - 2);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < raw.size() && characters < hash.left(); ++characters)
    end += raw[end] == '\\' ? escape_size(raw.substr(end)) : 1;
  const std::string_view part = raw.substr(0, std::min(end, raw.size()));
  const auto text = decode_json_string(part);
  hash.add(text ? std::string_view(*text) : part);
}

/// The JSON text without the white space between its tokens, as far as `hash` takes it.
void add_raw(std::string_view value, LimitedHash& hash) {
  bool in_string = false;
  for (std::size_t i = 0; i < value.size() && hash.left() > 0; ++i) {
    const char c = value[i];
    const bool is_white = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!in_string && is_white) continue;
    hash.add(value.substr(i, 1));
    if (in_string && c == '\\' && i + 1 < value.size()) {
      hash.add(value.substr(++i, 1));
    } else if (c == '"') {
      in_string = !in_string;
    }
  }
}

/// The value of the member `key`, of duplicates the last; empty: there is none.
std::string_view member(std::string_view object, std::string_view key) {
  MemberScanner members(object);
  Member one;
  std::string_view value;
  while (members.next(one)) {
    if (key_is(one.key, key)) value = one.value;
  }
  return value;
}

/// A text, a list of parts with texts, or anything else.
void add_content(std::string_view content, LimitedHash& hash) {
  if (is_string(content)) {
    add_string(content, hash);
  } else if (is_array(content)) {
    ElementScanner parts(content);
    std::string_view part;
    while (hash.left() > 0 && parts.next(part)) {
      const std::string_view text = is_object(part) ? member(part, "text") : std::string_view();
      if (is_string(text)) {
        add_string(text, hash);
      } else {
        add_raw(part, hash);
      }
    }
  } else {
    add_raw(content, hash);
  }
  hash.end();
}

void add_message(std::string_view message, std::string_view role, LimitedHash& hash) {
  constexpr std::size_t kRoleBytes = 32;  // "assistant" and its like; it is not counted.
  hash.add_uncounted(role.substr(0, kRoleBytes));
  hash.end();
  add_content(member(message, "content"), hash);
}

/// What a request may say of its conversation.
struct Beginning {
  std::string_view messages = {};
  std::string_view prompt = {};
  std::string_view input = {};
  std::string_view instructions = {};
};

Beginning beginning_of(std::string_view body) {
  Beginning found;
  MemberScanner members(body);
  Member one;
  while (members.next(one)) {
    if (key_is(one.key, "messages")) found.messages = one.value;
    if (key_is(one.key, "prompt")) found.prompt = one.value;
    if (key_is(one.key, "input")) found.input = one.value;
    if (key_is(one.key, "system") || key_is(one.key, "instructions"))
      found.instructions = one.value;
  }
  return found;
}

/// Whether a value is a list of messages: its first element is an object.
bool is_message_list(std::string_view value) {
  if (!is_array(value)) return false;
  ElementScanner elements(value);
  std::string_view first;
  return elements.next(first) && is_object(first);
}

std::uint64_t hash_of_messages(std::string_view messages, std::string_view instructions,
                               std::size_t limit) {
  Fnv1a hash;
  LimitedHash before(hash, limit);
  LimitedHash first(hash, limit);
  if (!instructions.empty()) add_content(instructions, before);
  ElementScanner elements(messages);
  std::string_view message;
  while (elements.next(message)) {
    const std::string_view written = member(message, "role");
    const std::string_view role =
        is_string(written) ? written.substr(1, written.size() - 2) : written;
    if (role == "user") {
      add_message(message, role, first);
      break;
    }
    add_message(message, role, before);
  }
  return hash.value();
}

}  // namespace

std::optional<std::uint64_t> conversation_hash(std::string_view body, std::size_t limit) {
  const Beginning found = beginning_of(body);
  for (const std::string_view list : {found.messages, found.input}) {
    if (is_message_list(list)) return hash_of_messages(list, found.instructions, limit);
  }
  for (const std::string_view text : {found.prompt, found.input}) {
    if (text.empty() || text == "null" || text == "\"\"" || text == "[]") continue;
    Fnv1a hash;
    LimitedHash limited(hash, limit);
    add_content(text, limited);
    return hash.value();
  }
  return std::nullopt;
}

}  // namespace olla::openai
