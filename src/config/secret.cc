#include "config/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace olla::config {
namespace {

Error unreadable(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

Result<std::string> read_all(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    return unreadable("names something that is not a regular file");
  }
  std::string text;
  std::array<char, 4096> piece{};
  while (text.size() <= kSecretFileBytesMax) {
    const ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(piece.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return unreadable("cannot be read: " + std::generic_category().message(errno));
    }
  }
  return unreadable("names a file of more than " + std::to_string(kSecretFileBytesMax) + " bytes");
}

Result<std::string> read_secret_file(const std::string& path) {
  // Not blocking, for a named pipe that nobody writes to.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return unreadable("cannot be opened: " + std::generic_category().message(errno));
  }
  auto text = read_all(descriptor);
  ::close(descriptor);
  return text;
}

}  // namespace

SecretFiles system_secret_files() {
  return read_secret_file;
}

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace olla::config
