#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// Text as vLLM writes it. A stream event is built by appending to one string: a JSON document per
/// token would cost more than everything else that a stream does.
namespace olla::sim {

/// Length of the valid UTF-8 character that `text` begins with; 0 when there is none.
std::size_t utf8_character(std::string_view text);

/// Whether all of `text` is valid UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

/// How many characters `text` has, counted by the bytes that begin one.
std::size_t characters(std::string_view text);

/// Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// The same as a string of its own.
std::string json_quoted(std::string_view text);

/// Appends `value` in the shortest form that reads back as the same double: 5.0,
/// -4.138425350189209.
void append_json_number(std::string& out, double value);

/// `text` as Python's repr() shows a string: vLLM's validation messages are Python's.
std::string python_repr(std::string_view text);

/// Whether containers stand within each other more than `limit` times. What is deeper than the
/// stack must be neither copied nor printed.
bool nested_deeper(const nlohmann::json& value, std::size_t limit);

/// A JSON value as Python shows the value that it reads from it: {'a': [1, True, None]}. Members
/// are in alphabetical order; what is nested deeper than a real request is left out.
std::string python_value(const nlohmann::json& value);

}  // namespace olla::sim
