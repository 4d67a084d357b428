#include "app/flags.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace olla::app {
namespace {

constexpr std::string_view kLongFlags[] = {"config", "version", "validate-config", "profile"};

std::string normal(const std::string& argument) {
  if (!argument.starts_with('-')) return argument;
  const std::string_view flag =
      std::string_view(argument).substr(argument.starts_with("--") ? 2 : 1);
  const std::string_view name = flag.substr(0, flag.find('='));
  const std::string rest(flag.substr(name.size()));
  // "-c" alone is known as it is.
  if (name == "c" && argument != "-c") return "--config" + rest;
  const bool is_long =
      std::find(std::begin(kLongFlags), std::end(kLongFlags), name) != std::end(kLongFlags);
  // One dash and several letters are one flag, as in Olla, and no row of flags with a value behind
  // them: "-configuration" does not name the file "onfiguration".
  return is_long || flag.size() > 1 ? "--" + std::string(flag) : argument;
}

}  // namespace

std::vector<std::string> normal_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  out.reserve(arguments.size());
  bool is_plain = false;
  for (const std::string& argument : arguments) {
    is_plain = is_plain || argument == "--";
    out.push_back(is_plain ? argument : normal(argument));
  }
  return out;
}

}  // namespace olla::app
