#include "config/problem.h"

#include <algorithm>
#include <utility>

#include "config/ascii.h"

namespace olla::config {
namespace {

void add(std::vector<Problem>& problems, Problem problem) {
  if (problems.size() > Problems::kEachMax) return;
  if (problems.size() == Problems::kEachMax) {
    problem = {"", 0, "there are more like these, not shown"};
  }
  problems.push_back(std::move(problem));
}

std::vector<Problem> sorted(std::vector<Problem> problems) {
  // The note that there are more stays last.
  const bool more = problems.size() > Problems::kEachMax;
  std::stable_sort(problems.begin(), more ? problems.end() - 1 : problems.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  return problems;
}

}  // namespace

std::string to_text(const Problem& problem, std::string_view file_name) {
  if (problem.path.starts_with('$')) return problem.path + ": " + problem.message;
  if (!problem.file.empty()) file_name = problem.file;
  std::string text(file_name.empty() ? R"("")" : file_name);
  if (problem.line != 0) text += ":" + std::to_string(problem.line);
  text += ": ";
  if (!problem.path.empty()) text += problem.path + ": ";
  return text + problem.message;
}

void Problems::error(std::string path, std::size_t line, std::string message) {
  add(errors_, {std::move(path), line, std::move(message), {}});
}

void Problems::warning(std::string path, std::size_t line, std::string message) {
  add(warnings_, {std::move(path), line, std::move(message), {}});
}

std::vector<Problem> Problems::take_errors() {
  return sorted(std::exchange(errors_, {}));
}

std::vector<Problem> Problems::take_warnings() {
  return sorted(std::exchange(warnings_, {}));
}

std::string printable(std::string_view text) {
  static constexpr std::size_t kShownBytes = 40;
  std::string out;
  for (const char c : text.substr(0, kShownBytes)) {
    out += c == ' ' || is_visible(c) ? c : '?';
  }
  return text.size() > kShownBytes ? out + "..." : out;
}

std::string in_quotes(std::string_view text) {
  return '"' + printable(text) + '"';
}

}  // namespace olla::config
