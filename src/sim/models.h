#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sim/answer.h"

namespace olla::sim {

/// A fine-tuned variant of the served model.
struct Lora {
  std::string name;
  std::string path;
};

/// The names that one server answers to.
class Models {
 public:
  /// `served`: at least one; the first is the name in answers and in the metrics.
  Models(std::vector<std::string> served, std::vector<Lora> loras, Dialect dialect);

  [[nodiscard]] const std::vector<std::string>& served() const { return served_; }
  [[nodiscard]] const std::string& first() const { return served_.front(); }
  [[nodiscard]] Dialect dialect() const { return dialect_; }

  /// The name that an answer carries: that of a LoRA adapter if it was asked for, else the first.
  [[nodiscard]] const std::string& name_for(const std::optional<std::string>& model) const;

  /// The 404 for a name that is not served; none, an empty one and every served one are fine.
  [[nodiscard]] std::optional<Answer> check(const std::optional<std::string>& model) const;

  /// Adds an adapter. False if its name is taken, unless it may be loaded `again`.
  bool load(Lora lora, bool again);
  /// Removes an adapter; false if there is none of that name.
  bool unload(std::string_view name);

  struct ListOptions {
    std::int64_t unix_seconds = 0;
    std::size_t max_model_len = 0;
  };
  /// The body of GET /v1/models; `ids` makes those of the permissions, new each time.
  [[nodiscard]] std::string list(const ListOptions& options, Random& ids) const;

 private:
  [[nodiscard]] const Lora* find_lora(std::string_view name) const;

  std::vector<std::string> served_;
  std::vector<Lora> loras_;
  Dialect dialect_;
};

/// A new id as the dialect writes it: 32 hexadecimal digits in old versions, 16 in new ones.
std::string make_id(Dialect dialect, Random& ids);

}  // namespace olla::sim
