#include "admin/sticky_document.h"

namespace olla::admin {

Json sticky_document(const config::StickySessions& rules,
                     const routing::StickySessions::Report& report) {
  Json document;
  document["enabled"] = rules.enabled;
  if (!rules.enabled) return document;
  document["active_sessions"] = report.active;
  document["insertions"] = report.insertions;
  document["hits"] = report.hits;
  document["misses"] = report.misses;
  document["evictions"] = report.evictions;
  document["repins"] = report.repins;
  document["max_sessions"] = rules.max_sessions;
  document["idle_ttl_seconds"] = rules.idle_ttl.count();
  return document;
}

}  // namespace olla::admin
