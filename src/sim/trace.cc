#include "sim/trace.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "sim/engine/block_hash.h"

namespace olla::sim {
namespace {

using engine::BlockHash;
using engine::kBlockTokens;
using nlohmann::json;

constexpr std::size_t kTokensPerId = 512;
// A week; a trace's times begin at 0.
constexpr std::uint64_t kMillisecondsMax = 7ULL * 86'400'000;
constexpr std::uint64_t kTokensMax = 100'000'000;

Error wrong(std::size_t line, const std::string& what) {
  return {Errc::kMalformed, Side::kClient, "line " + std::to_string(line) + ": " + what};
}

/// A whole number from `min` to `max`; nullopt for anything else.
std::optional<std::uint64_t> number(const json& row, const char* name, std::uint64_t min,
                                    std::uint64_t max) {
  const auto at = row.find(name);
  if (at == row.end() || !at->is_number_unsigned()) return std::nullopt;
  const auto value = at->get<std::uint64_t>();
  if (value < min || value > max) return std::nullopt;
  return value;
}

/// Names of the blocks: those of an id and what went before it. Ids that are missing stand for
/// tokens of this row alone.
engine::Prompt prompt_of_ids(const json& ids, std::size_t tokens, std::size_t line) {
  engine::Prompt prompt;
  prompt.tokens = tokens;
  prompt.last = engine::first_hash(0);
  const std::size_t blocks = tokens / kBlockTokens;
  prompt.hashes.reserve(blocks);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t at = block * kBlockTokens / kTokensPerId;
    const bool known = at < ids.size() && ids[at].is_number_unsigned();
    const std::uint64_t id = known ? ids[at].get<std::uint64_t>() : ~std::uint64_t{line};
    const std::uint32_t parts[] = {static_cast<std::uint32_t>(id),
                                   static_cast<std::uint32_t>(id >> 32U),
                                   static_cast<std::uint32_t>(block)};
    prompt.last = engine::chain_hash(prompt.last, parts);
    prompt.hashes.push_back(prompt.last);
  }
  return prompt;
}

}  // namespace

Result<std::vector<engine::ReplayRow>> parse_trace(std::string_view text,
                                                   std::size_t max_model_len) {
  std::vector<engine::ReplayRow> rows;
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view document = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (document.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const json row = json::parse(document, nullptr, false);
    if (!row.is_object()) return wrong(line, "is no JSON object");
    const auto sent = number(row, "timestamp", 0, kMillisecondsMax);
    const auto input = number(row, "input_length", 1, kTokensMax);
    const auto output = number(row, "output_length", 1, kTokensMax);
    if (!sent || !input || !output) {
      return wrong(line, "needs timestamp, input_length and output_length as whole numbers");
    }
    const auto ids = row.find("hash_ids");
    const json none = json::array();
    const bool has_ids = ids != row.end() && ids->is_array();
    engine::ReplayRow out;
    out.send = std::chrono::milliseconds(*sent);
    out.request.tokens_max =
        std::min<std::size_t>(*output, std::max<std::size_t>(max_model_len / 2, 1));
    const std::size_t room = max_model_len - std::min(max_model_len - 1, out.request.tokens_max);
    out.request.prompt =
        prompt_of_ids(has_ids ? *ids : none, std::min<std::size_t>(*input, room), line);
    rows.push_back(std::move(out));
  }
  if (rows.empty()) return wrong(1, "the trace is empty");
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.send < b.send; });
  return rows;
}

}  // namespace olla::sim
