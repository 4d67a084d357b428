#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/problem.h"
#include "config/profile.h"

namespace olla::config {

/// Files of one folder; more are a mistake.
inline constexpr std::size_t kProfileFilesMax = 256;

/// A file that describes one kind of server.
struct ProfileFile {
  std::string path;
  std::string text;
};

/// Reads the files with profiles: those of the folder that the configuration names, or where they
/// lie by custom; none is no error then. Handed in, so that tests and fuzzers open no files. The
/// `detail` of an error fits after a key path.
using ProfileFiles =
    std::function<Result<std::vector<ProfileFile>>(const std::optional<std::string>& folder)>;

/// Reads *.yaml and *.yml, by name. A folder's name counts from the folder of `config_path`; by
/// custom the files are in "profiles" or "config/profiles" there, or in "config/profiles" of the
/// working directory.
ProfileFiles system_profile_files(const std::string& config_path);

/// No files at all.
ProfileFiles no_profile_files();

/// The built-in profiles with those of `files`, each of which takes the place of one of its name.
/// Adds everything that is wrong to `errors`, with its file.
std::shared_ptr<const Profiles> read_profiles(const std::vector<ProfileFile>& files,
                                              std::vector<Problem>& errors);

}  // namespace olla::config
