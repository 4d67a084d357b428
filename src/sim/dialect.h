#pragma once

#include <cstdint>
#include <string_view>

namespace olla::sim {

/// Whose manners a simulated server has: what vLLM says and takes differs between its versions.
enum class Dialect : std::uint8_t {
  kOld,  ///< vLLM before 0.12, as 0.11.0 was recorded
  kNew,  ///< vLLM from 0.12 on, as 0.32.0 was recorded
};

/// The dialect of a version such as "0.11.0.post2"; what does not begin with two numbers is new.
Dialect dialect_of(std::string_view version);

}  // namespace olla::sim
