#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "models/catalogue.h"
#include "models/documents.h"
#include "models/parse.h"

// Whatever a server lists, every list that is made of it is JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using olla::config::ModelListFormat;
  namespace models = olla::models;
  const std::string_view list(reinterpret_cast<const char*>(data), size);
  for (const auto format : {ModelListFormat::kOpenAi, ModelListFormat::kOllama,
                            ModelListFormat::kLmStudio, ModelListFormat::kLemonade}) {
    const auto entries = models::parse_list(format, list);
    if (!entries) continue;
    for (const char* type : {"vllm", "ollama", "lm-studio"}) {
      const models::Catalogue catalogue = models::make_catalogue(
          {{.endpoint = "e", .type = type, .ready = true, .entries = *entries}}, {}, {});
      std::vector<const models::Model*> all;
      for (const models::Model& model : catalogue.models) {
        all.push_back(&model);
        OLLA_CHECK(models::find_model(catalogue, model.id) != nullptr);
      }
      for (const auto shape :
           {models::Shape::kUnified, models::Shape::kOpenAi, models::Shape::kVllm,
            models::Shape::kOllama, models::Shape::kLmStudio, models::Shape::kLemonade})
        OLLA_CHECK(nlohmann::json::accept(models::list_document(catalogue, all, shape)));
    }
  }
  return 0;
}
