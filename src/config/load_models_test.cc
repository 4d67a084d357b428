#include "config/load_models.h"

#include "test/loaded.h"

namespace olla::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using test::endpoint_with;
using test::ErrorCase;
using test::expect_errors;
using test::load_with;
using test::only_endpoint;
using test::texts;

TEST(LoadModelsTest, ReadsDiscoveryAndRegistry) {
  const Loaded loaded = load_with(R"(
discovery:
  model_discovery: {enabled: false, interval: 1m, timeout: 5s, concurrent_workers: 2,
                    retry_attempts: 0, retry_backoff: 10ms}
model_registry:
  type: memory
  enable_unifier: false
  unification: {stale_threshold: 48h, cleanup_interval: 1m}
  routing_strategy:
    type: optimistic
    options: {fallback_behavior: all, discovery_timeout: 1s, discovery_refresh_on_miss: true}
model_aliases_rewrite_response: true
translators:
  anthropic: {enabled: false, passthrough_enabled: false, max_message_size: 1MiB}
)");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  const ModelDiscovery& discovery = loaded.config.model_discovery;
  EXPECT_FALSE(discovery.enabled);
  EXPECT_EQ(discovery.interval, 1min);
  EXPECT_EQ(discovery.timeout, 5s);
  EXPECT_EQ(discovery.concurrent_workers, 2u);
  EXPECT_EQ(discovery.retry_attempts, 0u);
  EXPECT_EQ(discovery.retry_backoff, 10ms);
  const ModelRegistry& registry = loaded.config.model_registry;
  EXPECT_FALSE(registry.enable_unifier);
  EXPECT_EQ(registry.stale_threshold, 48h);
  EXPECT_EQ(registry.cleanup_interval, 1min);
  EXPECT_EQ(registry.strategy, RoutingStrategy::kOptimistic);
  EXPECT_EQ(registry.fallback, Fallback::kAll);
  EXPECT_EQ(registry.discovery_timeout, 1s);
  EXPECT_TRUE(registry.discovery_refresh_on_miss);
  EXPECT_TRUE(loaded.config.model_aliases_rewrite_response);
  EXPECT_FALSE(loaded.config.anthropic.enabled);
  EXPECT_FALSE(loaded.config.anthropic.passthrough_enabled);
  EXPECT_EQ(loaded.config.anthropic.max_message_size, 1u << 20);
}

TEST(LoadModelsTest, ZeroIsOllasWordForTheDefaultMessageSize) {
  const Loaded loaded = load_with("translators: {anthropic: {max_message_size: 0}}");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.config.anthropic.max_message_size, 10u << 20);
}

TEST(LoadModelsTest, ReadsAliasesInTheirOrderAndSpelling) {
  const Loaded loaded = load_with(
      "model_aliases:\n  My-Chat: [llama3, 'meta/Llama 3']\n  \"embed:1\":\n    - nomic\n");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  ASSERT_EQ(loaded.config.model_aliases.size(), 2u);
  EXPECT_EQ(loaded.config.model_aliases[0].name, "My-Chat");
  EXPECT_THAT(loaded.config.model_aliases[0].models, ElementsAre("llama3", "meta/Llama 3"));
  EXPECT_EQ(loaded.config.model_aliases[1].name, "embed:1");
  EXPECT_THAT(loaded.config.model_aliases[1].models, ElementsAre("nomic"));
}

TEST(LoadModelsTest, AliasesAreChecked) {
  expect_errors({
      {"model_aliases: [a]", "f:1: model_aliases: must be a mapping of names to lists of models"},
      {"model_aliases: {a: []}", "f:1: model_aliases.a: must be a list of one model at least"},
      {"model_aliases:\n  a:\n", "f:2: model_aliases.a: must be a list of one model at least"},
      {"model_aliases: {a: b}", "f:1: model_aliases.a: must be a list of one model at least"},
      {"model_aliases:\n  a:\n    - b\n    - ''",
       "f:4: model_aliases.a: a model's name must not be empty"},
      {"model_aliases: {a: [[b]]}", "f:1: model_aliases.a: a model's name must be a single text"},
      {"model_aliases: {a: [' b']}",
       "f:1: model_aliases.a: a model's name must not begin or end with a space"},
      {"model_aliases: {'': [b]}", "f:1: model_aliases.: the name of an alias must not be empty"},
      {"model_aliases: {'a ': [b]}",
       "f:1: model_aliases.a : the name of an alias must not begin or end with a space"},
      {"model_aliases: {\"a\\n\": [b]}",
       "f:1: model_aliases.a?: the name of an alias holds a control character"},
      {"model_aliases: {" + std::string(513, 'a') + ": [b]}",
       "f:1: model_aliases." + std::string(40, 'a') + "...: the name of an alias is longer than"},
      {"model_aliases:\n  chat: [a]\n  Chat: [b]\n",
       "f:3: model_aliases.Chat: is the alias of line 2 too: their names differ in the case of"},
      {"model_aliases:\n  chat: [a]\n  chat: [b]\n", "f:3: model_aliases.chat: is there twice"},
  });
}

TEST(LoadModelsTest, TheNumberOfAliasesAndModelsIsBounded) {
  std::string aliases = "model_aliases:\n";
  std::string models = "model_aliases: {a: [";
  for (std::size_t i = 0; i <= kModelAliasesMax; ++i) {
    aliases += "  a" + std::to_string(i) + ": [b]\n";
    models += "m" + std::to_string(i) + ", ";
  }
  expect_errors({
      {aliases, "f:1: model_aliases: has more than 1024 aliases"},
      {models + "]}", "f:1: model_aliases.a: has more than 1024 models"},
  });
}

TEST(LoadModelsTest, ReadsModelFilters) {
  const Endpoint endpoint = only_endpoint(load_with(
      endpoint_with("model_filter: {include: ['llama*', '*', '*chat*'], exclude: ['*-x', y]}")));
  EXPECT_THAT(endpoint.model_filter.include, ElementsAre("llama*", "*", "*chat*"));
  EXPECT_THAT(endpoint.model_filter.exclude, ElementsAre("*-x", "y"));
}

TEST(LoadModelsTest, PatternsHaveTheirStarsAtTheirEnds) {
  std::vector<ErrorCase> cases;
  for (const char* pattern : {"a*b", "**", "***", "*a*b*", "**a"}) {
    cases.push_back({endpoint_with("model_filter: {exclude: ['" + std::string(pattern) + "']}"),
                     "f:4: endpoints[0].model_filter.exclude: must hold patterns with one * at the "
                     "start, at the end or both; got"});
  }
  cases.push_back({endpoint_with("model_filter: {include: ['']}"),
                   "f:4: endpoints[0].model_filter.include: must hold texts that are not empty"});
  expect_errors(cases);
}

TEST(LoadModelsTest, OllaW47WordsThatOllaOnlyWarnsOfAreErrors) {
  expect_errors({
      {"model_registry: {type: redis}", "f:1: model_registry.type: must be one of: memory"},
      {"model_registry: {routing_strategy: {type: hopeful}}",
       "f:1: model_registry.routing_strategy.type: must be one of: strict, optimistic, discovery"},
      {"discovery: {model_discovery: {interval: 0}}",
       "f:1: discovery.model_discovery.interval: is out of range"},
      {"translators: {anthropic: {max_message_size: 101MiB}}",
       "f:1: translators.anthropic.max_message_size: is out of range; allowed: 0 to 100MiB"},
      {"translators: {openai: {}}", "f:1: translators.openai: unknown key"},
      {"translators: {anthropic: {inspector: {enable: true}}}",
       "f:1: translators.anthropic.inspector.enable: unknown key; did you mean enabled?"},
      {"engineering: {show_nerdstat: true}", "f:1: engineering.show_nerdstat: unknown key"},
  });
}

}  // namespace
}  // namespace olla::config
