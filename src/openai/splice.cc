#include "openai/splice.h"

#include <algorithm>
#include <utility>

#include "openai/members.h"
#include "openai/multipart.h"
#include "openai/request.h"

namespace olla::openai {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

// The members of one text, seen one after the other, copied with changes into another.
class Splicer {
 public:
  explicit Splicer(std::string_view json) : json_(json) {}

  [[nodiscard]] std::size_t key_begin(const Member& member) const {
    return offset_of(member.key) - 1;  // At its quote.
  }

  void keep(const Member& member) {
    arrive_at(member);
    leave(member);
    anything_kept_ = true;
  }

  // The comma in front of the member goes with it; the one behind it when none is in front.
  void remove(const Member& member) {
    if (anything_kept_) {
      copy_to(last_end_);
    } else {
      arrive_at(member);
      resume_at_next_ = true;
    }
    leave(member);
    copied_ = last_end_;
  }

  // Empty `new_key` and no `value`: as they are.
  void edit(const Member& member, std::string_view new_key,
            const std::optional<std::string>& value) {
    arrive_at(member);
    if (!new_key.empty()) {
      copy_to(key_begin(member));
      out_ += json_quoted(new_key);
      copied_ = offset_of(member.key) + member.key.size() + 1;
    }
    leave(member);
    if (value) {
      copy_to(offset_of(member.value));
      out_ += *value;
      copied_ = last_end_;
    }
    anything_kept_ = true;
  }

  // After the last member.
  void append(std::string_view key, std::string_view value) {
    if (last_end_ == kNowhere) {
      copy_to(json_.find('{') + 1);
    } else if (anything_kept_) {
      copy_to(last_end_);
    }
    if (anything_kept_) out_ += ',';
    out_ += json_quoted(key);
    out_ += ':';
    out_ += value;
    anything_kept_ = true;
  }

  std::string finish() {
    copy_to(json_.size());
    return std::move(out_);
  }

  void reserve(std::size_t bytes) { out_.reserve(bytes); }

 private:
  [[nodiscard]] std::size_t offset_of(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - json_.data());
  }

  void copy_to(std::size_t end) {
    if (copied_ >= end) return;
    out_ += json_.substr(copied_, end - copied_);
    copied_ = end;
  }

  void arrive_at(const Member& member) {
    if (resume_at_next_) {
      copied_ = key_begin(member);
      resume_at_next_ = false;
    } else if (last_end_ == kNowhere) {
      copy_to(key_begin(member));
    }
  }

  void leave(const Member& member) { last_end_ = offset_of(member.value) + member.value.size(); }

  std::string_view json_;
  std::string out_;
  std::size_t copied_ = 0;           // What stands before it is in `out_`, or is left out.
  std::size_t last_end_ = kNowhere;  // End of the last member seen.
  bool anything_kept_ = false;       // A member is in `out_`, or will be.
  bool resume_at_next_ = false;      // Leave out what stands before the next member.
};

}  // namespace

void MemberEdits::set(std::string_view key, std::string value) {
  put({.key = key, .value = std::move(value)});
}

void MemberEdits::replace(std::string_view key, std::string_view new_key, std::string value) {
  put({.key = key, .new_key = new_key, .value = std::move(value)});
}

void MemberEdits::rename(std::string_view key, std::string_view new_key) {
  put({.key = key, .new_key = new_key});
}

void MemberEdits::remove(std::string_view key) {
  put({.key = key, .removes = true});
}

void MemberEdits::put(Edit edit) {
  const auto known = std::find_if(edits_.begin(), edits_.end(),
                                  [&edit](const Edit& other) { return other.key == edit.key; });
  if (known == edits_.end()) {
    edits_.push_back(std::move(edit));
  } else {
    *known = std::move(edit);
  }
}

std::optional<std::string> MemberEdits::apply(std::string_view json) const {
  const auto find = [this](const Member& member) {
    return std::find_if(edits_.begin(), edits_.end(),
                        [&member](const Edit& edit) { return key_is(member.key, edit.key); });
  };
  Splicer splicer(json);

  // Which of several members with one key is the last can only be told after all were seen.
  std::vector<std::size_t> last_seen(edits_.size(), kNowhere);
  Member member;
  MemberScanner first(json);
  while (first.next(member)) {
    const auto edit = find(member);
    if (edit != edits_.end())
      last_seen[static_cast<std::size_t>(edit - edits_.begin())] = splicer.key_begin(member);
  }
  if (first.malformed()) return std::nullopt;

  std::size_t added_bytes = 0;
  for (const Edit& edit : edits_) {
    constexpr std::size_t kPunctuationBytes = 4;
    added_bytes += edit.key.size() + edit.new_key.size() + kPunctuationBytes;
    if (edit.value) added_bytes += edit.value->size();
  }
  splicer.reserve(json.size() + added_bytes);

  MemberScanner second(json);
  while (second.next(member)) {
    const auto edit = find(member);
    if (edit == edits_.end()) {
      splicer.keep(member);
    } else if (edit->removes || last_seen[static_cast<std::size_t>(edit - edits_.begin())] !=
                                    splicer.key_begin(member)) {
      splicer.remove(member);
    } else {
      splicer.edit(member, edit->new_key, edit->value);
    }
  }
  for (std::size_t i = 0; i < edits_.size(); ++i) {
    const Edit& edit = edits_[i];
    if (last_seen[i] == kNowhere && edit.value)
      splicer.append(edit.new_key.empty() ? edit.key : edit.new_key, *edit.value);
  }
  return splicer.finish();
}

std::optional<std::string> with_model(std::string_view body, std::string_view name) {
  if (const auto field = form_field(body, "model")) {
    const auto at = static_cast<std::size_t>(field->data() - body.data());
    std::string edited(body.substr(0, at));
    edited.append(name).append(body.substr(at + field->size()));
    return edited;
  }
  MemberEdits edits;
  edits.set("model", json_quoted(name));
  return edits.apply(body);
}

}  // namespace olla::openai
