#include "sim/engine/profile.h"

#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.h"
#include "config/document.h"
#include "config/problem.h"
#include "sim/engine/cost_model.h"

namespace olla::sim::engine {
namespace {

// vLLM counts blocks and tokens in far smaller numbers.
constexpr double kCountMax = 1e9;

/// Reads the sections of one document. Keys that nobody asked for are errors too.
class Reader {
 public:
  Reader(const config::Value& root, config::Problems& problems)
      : root_(root), problems_(problems) {}

  /// Makes the mapping `name` the one that is read from here on.
  void enter(const char* name) {
    leave();
    section_ = name;
    const config::Entry* entry = root_.find(name);
    known_[""].push_back(name);
    mapping_ = entry == nullptr ? nullptr : entry->value.get();
    if (mapping_ == nullptr || mapping_->kind != config::Value::Kind::kMapping) {
      problems_.error(section_, line(), "must be a mapping");
      mapping_ = nullptr;
    }
  }

  void time(const char* key, double& out) { number(key, kMicrosecondsMax, out); }

  /// A whole number of at least 1.
  void count(const char* key, std::size_t& out) {
    double value = 1;
    number(key, kCountMax, value);
    if (value < 1 || value != std::floor(value)) {
      problems_.error(path(key), line(), "must be a whole number of at least 1");
      return;
    }
    out = static_cast<std::size_t>(value);
  }

  void boolean(const char* key, bool& out) {
    const config::Value* value = scalar(key);
    if (value == nullptr) return;
    if (value->text != "true" && value->text != "false") {
      problems_.error(path(key), value->line, "must be true or false");
    }
    out = value->text == "true";
  }

  /// Reports the keys of the last mapping that nobody asked for.
  void leave() {
    if (mapping_ == nullptr) return;
    report_unknown(*mapping_, section_);
    mapping_ = nullptr;
  }

  /// The profile's name, and then what else stands at the top.
  void finish(std::string& name) {
    leave();
    known_[""].emplace_back("name");
    report_unknown(root_, "");
    const config::Entry* entry = root_.find("name");
    if (entry == nullptr || entry->value->text.empty()) {
      problems_.error("name", root_.line, "is missing");
      return;
    }
    name = entry->value->text;
  }

 private:
  [[nodiscard]] std::size_t line() const {
    return mapping_ == nullptr ? root_.line : mapping_->line;
  }
  [[nodiscard]] std::string path(const char* key) const { return section_ + "." + key; }

  const config::Value* scalar(const char* key) {
    known_[section_].emplace_back(key);
    if (mapping_ == nullptr) return nullptr;
    const config::Entry* entry = mapping_->find(key);
    if (entry == nullptr || entry->value->kind != config::Value::Kind::kScalar) {
      problems_.error(path(key), line(), "is missing");
      return nullptr;
    }
    return entry->value.get();
  }

  void number(const char* key, double max, double& out) {
    const config::Value* value = scalar(key);
    if (value == nullptr) return;
    const char* end = value->text.data() + value->text.size();
    double read = 0;
    const auto [at, error] = std::from_chars(value->text.data(), end, read);
    if (error != std::errc() || at != end || !(read >= 0 && read <= max)) {
      problems_.error(path(key), value->line,
                      "must be a number from 0 on, not " + config::in_quotes(value->text));
      return;
    }
    out = read;
  }

  void report_unknown(const config::Value& mapping, const std::string& section) {
    for (const config::Entry& entry : mapping.entries) {
      bool known = false;
      for (const std::string& key : known_[section]) {
        known = known || key == entry.key;
      }
      const std::string prefix = section.empty() ? "" : section + ".";
      if (!known) {
        problems_.error(prefix + config::printable(entry.key), entry.line, "is no known key");
      }
    }
  }

  const config::Value& root_;
  config::Problems& problems_;
  std::string section_;
  const config::Value* mapping_ = nullptr;
  std::map<std::string, std::vector<std::string>> known_;
};

void read_steps(Reader& reader, Profile& out) {
  reader.enter("decode_step");
  reader.time("fixed", out.decode_step.fixed);
  reader.time("per_sequence", out.decode_step.per_sequence);
  reader.time("per_context_token", out.decode_step.per_context_token);
  reader.enter("prompt_step");
  reader.time("fixed", out.prompt_step.fixed);
  reader.time("per_token", out.prompt_step.per_token);
  reader.time("per_pair", out.prompt_step.per_pair);
  reader.time("per_context_token", out.prompt_step.per_context_token);
}

void read_processor(Reader& reader, Profile& out) {
  reader.enter("launch");
  reader.time("schedule", out.launch.schedule);
  reader.time("decode", out.launch.decode);
  reader.time("small_prompt", out.launch.small_prompt);
  reader.time("large_prompt", out.launch.large_prompt);
  reader.time("small_idle", out.launch.small_idle);
  reader.time("large_idle", out.launch.large_idle);
  reader.time("per_arrival", out.launch.per_arrival);
  reader.count("graph_tokens", out.launch.graph_tokens);
  reader.enter("front_end");
  reader.time("before", out.front_end.before);
  reader.time("before_per_token", out.front_end.before_per_token);
  reader.time("after", out.front_end.after);
  reader.time("after_per_token", out.front_end.after_per_token);
  reader.time("per_event", out.front_end.per_event);
}

void read_limits(Reader& reader, Profile& out) {
  reader.enter("limits");
  reader.count("max_num_seqs", out.limits.max_num_seqs);
  reader.count("max_num_batched_tokens", out.limits.max_num_batched_tokens);
  reader.count("max_model_len", out.limits.max_model_len);
  reader.count("num_gpu_blocks", out.limits.num_gpu_blocks);
  reader.boolean("enable_prefix_caching", out.limits.enable_prefix_caching);
}

}  // namespace

Result<Profile> parse_profile(std::string_view yaml) {
  config::Problems problems;
  Profile out;
  const config::ValuePtr root = config::parse_document(yaml, problems);
  if (root != nullptr && root->kind != config::Value::Kind::kMapping) {
    problems.error("", root->line, "must be a mapping");
  } else if (root != nullptr) {
    Reader reader(*root, problems);
    read_steps(reader, out);
    read_processor(reader, out);
    read_limits(reader, out);
    reader.finish(out.name);
    // Otherwise time would stand still while tokens come.
    if (out.decode_step.fixed <= 0) {
      problems.error("decode_step.fixed", root->line, "must be more than 0");
    }
  }
  std::string detail;
  for (const config::Problem& problem : problems.take_errors()) {
    detail += (detail.empty() ? "" : "\n") + config::to_text(problem, "profile");
  }
  if (!detail.empty()) return Error{Errc::kMalformed, Side::kGateway, std::move(detail)};
  return out;
}

std::shared_ptr<const Profile> builtin_profile(std::string_view name) {
  for (const std::string_view text : builtin_profile_texts()) {
    const auto profile = parse_profile(text);
    OLLA_CHECK(profile.has_value());
    if (profile->name == name) return std::make_shared<const Profile>(*profile);
  }
  return nullptr;
}

std::vector<std::string> builtin_profile_names() {
  std::vector<std::string> names;
  for (const std::string_view text : builtin_profile_texts()) {
    names.push_back(parse_profile(text)->name);
  }
  return names;
}

}  // namespace olla::sim::engine
