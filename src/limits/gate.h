#pragma once

#include <cstdint>

#include "config/config.h"
#include "limits/client_address.h"
#include "limits/cors.h"
#include "limits/internal_access.h"
#include "limits/rate_limiter.h"
#include "limits/violations.h"

namespace olla::limits {

/// What all threads have to know to decide who may send what.
struct Gate {
  /// `secret`: a random number that clients do not know.
  Gate(const config::Config& config, std::uint64_t secret)
      : proxies(config.server.rate_limits),
        rates(config.server.rate_limits, secret),
        cors(config.server.cors),
        access(config.internal_access, config.server.host) {}

  const TrustedProxies proxies;
  RateLimiter rates;
  const CorsPolicy cors;
  const InternalAccess access;
  Violations violations;
};

}  // namespace olla::limits
