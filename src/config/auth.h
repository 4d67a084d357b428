#pragma once

#include <vector>

#include "config/config.h"
#include "config/environment.h"
#include "config/secret.h"
#include "config/section.h"

namespace olla::config {

/// Reads an endpoint's `auth` and puts the header that it stands for into `headers`, in place of
/// one of that name. Substitutes environment variables and reads the files that it names. No
/// message shows a secret.
void read_auth(const Section& section, const Environment& env, const SecretFiles& files,
               std::vector<Header>& headers);

}  // namespace olla::config
