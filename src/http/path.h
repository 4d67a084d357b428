#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace olla::http {

/// The path of a request target in origin form, without query, its percent-escapes decoded once as
/// a server decodes them; an escape that is none stays as it is. For decisions: what is sent on is
/// the client's own spelling.
[[nodiscard]] std::string plain_path(std::string_view target);

/// Whether a path, decoded or not, has a segment ".." (RFC 3986, section 3.3), so that a server or
/// a proxy that resolves it would leave the folder that it was given. A backslash counts as a
/// slash: some servers take it so.
[[nodiscard]] bool has_parent_segment(std::string_view path);

/// `target` without the empty segments and those that are "." in its path, as it is written;
/// nullopt when it has none. A slash at the end stays.
[[nodiscard]] std::optional<std::string> cleaned_target(std::string_view target);

/// The decoded value of a parameter in a target's query; of several the first. nullopt when it is
/// missing. A '+' is a blank, as in forms.
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view target,
                                                         std::string_view name);

/// `target` without the parameters of that name in its query.
[[nodiscard]] std::string without_query_parameter(std::string_view target, std::string_view name);

}  // namespace olla::http
