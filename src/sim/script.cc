#include "sim/script.h"

#include <algorithm>
#include <array>
#include <span>

namespace olla::sim {
namespace {

using Pieces = std::span<const std::string_view>;

struct Mark {
  std::string_view text;
  Script script;
};
constexpr std::array<Mark, 5> kMarks = {{{"[[hello]]", Script::kHello},
                                         {"[[tool]]", Script::kTool},
                                         {"[[tools2]]", Script::kTools2},
                                         {"[[think]]", Script::kThink},
                                         {"[[stop]]", Script::kStop}}};

// The answers of the recorded server, cut as its events were.
constexpr auto kHello = std::to_array<std::string_view>(
    {"Hello, ", "this is ", "a scripted ", "answer ", "from the ", "tiny model."});
constexpr auto kTool = std::to_array<std::string_view>(
    {"<tool_call>", "\n{\"name\": ", "\"get_weather\"", ", \"arguments\": ", "{\"city\": ", "\"Os",
     "lo\"", ", \"days\": 2}", "}\n", "</tool_call>"});
constexpr auto kTools2 = std::to_array<std::string_view>({"Let me ",
                                                          "look that up.\n",
                                                          "<tool_call>",
                                                          "\n{\"name\": ",
                                                          "\"get_weather\"",
                                                          ", \"arguments\": ",
                                                          "{\"city\": ",
                                                          "\"Oslo\"",
                                                          "}",
                                                          "}\n",
                                                          "</tool_call>",
                                                          "\n",
                                                          "<tool_call>",
                                                          "\n{\"name\": ",
                                                          "\"get_time\"",
                                                          ", \"arguments\": ",
                                                          "{\"zone\": ",
                                                          "\"Europe/Oslo\"",
                                                          "}",
                                                          "}\n",
                                                          "</tool_call>"});
constexpr auto kThink = std::to_array<std::string_view>({"<think>", "\nThe user ", "wants two ",
                                                         "plus two. ", "That is ", "four.\n",
                                                         "</think>", "\n\nThe answer ", "is 4."});

Pieces pieces(Script script) {
  switch (script) {
    case Script::kHello:
      return kHello;
    case Script::kTool:
      return kTool;
    case Script::kTools2:
      return kTools2;
    case Script::kThink:
      return kThink;
    default:
      return {};
  }
}

}  // namespace

Script script_in(std::string_view message) {
  const auto* const at = std::find_if(kMarks.begin(), kMarks.end(), [message](const Mark& mark) {
    return message.find(mark.text) != std::string_view::npos;
  });
  return at == kMarks.end() ? Script::kNone : at->script;
}

std::vector<TokenId> script_tokens(Script script, const Tokenizer& tokenizer) {
  std::vector<TokenId> out;
  for (const std::string_view piece : pieces(script)) {
    if (piece == "\n") {
      tokenizer.append(piece, out);
    } else {
      out.push_back(tokenizer.phrase(piece));
    }
  }
  return out;
}

}  // namespace olla::sim
