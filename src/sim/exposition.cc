#include "sim/exposition.h"

#include <algorithm>
#include <vector>

namespace olla::sim {

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  out_ += "# HELP ";
  out_.append(name).append(" ").append(help).append("\n# TYPE ");
  out_.append(name).append(" ").append(type).append("\n");
}

void Exposition::histogram(std::string_view base, std::string_view help,
                           Histogram EngineStats::*member) {
  const std::string bucket = std::string(base) + "_bucket";
  family(base, "histogram", help);
  for (std::size_t engine = 0; engine < engines_.size(); ++engine) {
    const Histogram& values = engines_[engine]->stats().*member;
    const std::string label = std::to_string(engine);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < values.counts().size(); ++i) {
      below += values.counts()[i];
      const bool last = i == values.bounds().size();
      const std::string bound = last ? "+Inf" : metrics_number(values.bounds()[i]);
      const Label le{"le", bound};
      write_sample(bucket, label, {&le, 1}, static_cast<double>(below));
    }
    write_sample(std::string(base) + "_count", label, {}, static_cast<double>(values.count()));
    write_sample(std::string(base) + "_sum", label, {}, values.sum());
  }
  created(base, help);
}

void Exposition::created(std::string_view base, std::string_view help) {
  gauge(std::string(base) + "_created", help,
        [this](const EngineStats&) { return labels_.created_seconds; });
}

void Exposition::write_sample(std::string_view name, std::string_view engine,
                              std::span<const Label> extra, double value) {
  std::vector<Label> all(extra.begin(), extra.end());
  if (!engine.empty()) all.emplace_back("engine", engine);
  // What tells about the whole configuration does not say the model.
  if (extra.size() <= 1) all.emplace_back("model_name", labels_.model);
  std::sort(all.begin(), all.end());
  out_ += name;
  for (std::size_t i = 0; i < all.size(); ++i) {
    out_ += i == 0 ? '{' : ',';
    out_.append(all[i].first).append("=\"");
    append_escaped(all[i].second);
    out_ += '"';
  }
  out_ += "} " + metrics_number(value) + "\n";
}

void Exposition::append_escaped(std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out_ += '\\';
    if (c == '\n') {
      out_ += "\\n";
    } else {
      out_ += c;
    }
  }
}

}  // namespace olla::sim
