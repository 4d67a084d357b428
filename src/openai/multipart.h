#pragma once

#include <optional>
#include <string_view>

namespace olla::openai {

/// The value of the last text field `name` of a form, multipart/form-data (RFC 7578). The
/// delimiter is the one that the body begins with, so that a Content-Type need not be believed.
/// nullopt when the body is no such form or has no such field; a file of that name is none.
///
/// Linear, allocates nothing; the view points into `body`. A form that is cut off yields what was
/// complete.
[[nodiscard]] std::optional<std::string_view> form_field(std::string_view body,
                                                         std::string_view name);

}  // namespace olla::openai
