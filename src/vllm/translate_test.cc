#include "vllm/translate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "openai/request.h"

namespace olla::vllm {
namespace {

using Json = nlohmann::json;

constexpr Version kV0 = {.minor = 7, .patch = 3};
constexpr Version kV1 = {.minor = 10, .patch = 2};
constexpr Version kBoth = {.minor = 11};
constexpr Version kToday = {.minor = 32};

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kCompletion = "/v1/completions";

// The start of every body: its bytes must be in every translated body too.
constexpr std::string_view kPrompt =
    R"({ "model" : "tiny",  "messages":[{"role":"user","content":"a, \"n\": {\u00e9 ] "}])";
// The end: white space counts too.
constexpr std::string_view kEnd = " }\n";

std::string body_with(std::string_view members) {
  std::string body(kPrompt);
  if (!members.empty()) body += ',';
  body += members;
  body += kEnd;
  return body;
}

struct Case {
  std::string_view name;
  Version version;
  std::string_view members;   ///< What the client sends behind the prompt.
  std::string_view expected;  ///< What the server gets there; empty: the same.
  std::string_view note;
};

void check(std::string_view path, const Case& c) {
  SCOPED_TRACE(testing::Message() << c.name << ", 0." << c.version.minor << ": " << c.members);
  const Translation translation = translate(path, body_with(c.members), c.version);
  EXPECT_FALSE(translation.refusal.has_value()) << *translation.refusal;
  EXPECT_EQ(translation.note, c.note);
  EXPECT_EQ(translation.body.has_value(), !c.expected.empty());
  if (translation.body) {
    EXPECT_EQ(*translation.body, body_with(c.expected == "-" ? "" : c.expected));
    EXPECT_TRUE(Json::accept(*translation.body));
  }
}

const Case kConstraintCases[] = {
    {"a schema", kToday, R"("guided_json": {"type":"object"})",
     R"("structured_outputs": {"json":{"type":"object"}})", "guided_json->structured_outputs.json"},
    {"a schema as text", kToday, R"("guided_json":"{}","n":1)",
     R"("structured_outputs":{"json":"{}"},"n":1)", "guided_json->structured_outputs.json"},
    {"a pattern", kToday, R"("guided_regex":"[0-9]{3}")",
     R"("structured_outputs":{"regex":"[0-9]{3}"})", "guided_regex->structured_outputs.regex"},
    {"a choice", kToday, R"("guided_choice":["yes", "no"])",
     R"("structured_outputs":{"choice":["yes", "no"]})",
     "guided_choice->structured_outputs.choice"},
    {"a grammar", kToday, R"("guided_grammar":"root ::= \"yes\"")",
     R"("structured_outputs":{"grammar":"root ::= \"yes\""})",
     "guided_grammar->structured_outputs.grammar"},
    {"the request of the page", kToday,
     R"("stream":false,"guided_decoding_backend":"outlines","guided_json":{"a":1})",
     R"("stream":false,"structured_outputs":{"json":{"a":1}})",
     "guided_json->structured_outputs.json, guided_decoding_backend dropped"},
    {"a white space pattern", kToday, R"("guided_whitespace_pattern":" ?","guided_json":{})",
     R"("structured_outputs":{"json":{},"whitespace_pattern":" ?"})",
     "guided_json->structured_outputs.json, "
     "guided_whitespace_pattern->structured_outputs.whitespace_pattern"},
    {"a white space pattern that means nothing", kToday,
     R"("guided_whitespace_pattern":" ?","guided_regex":"a")",
     R"("structured_outputs":{"regex":"a"})",
     "guided_regex->structured_outputs.regex, guided_whitespace_pattern dropped"},
    {"a white space pattern alone", kToday, R"("guided_whitespace_pattern":" ?")", "-",
     "guided_whitespace_pattern dropped"},
    {"the first release without guided_...",
     {.minor = 12},
     R"("guided_regex":"a")",
     R"("structured_outputs":{"regex":"a"})",
     "guided_regex->structured_outputs.regex"},
    {"a version that is not known", kNewestVersion, R"("guided_regex":"a")",
     R"("structured_outputs":{"regex":"a"})", "guided_regex->structured_outputs.regex"},
    {"null is absent", kToday, R"("guided_regex":null,"structured_outputs":null,"best_of":null)",
     "", ""},
    {"null beside a constraint", kToday,
     R"("structured_outputs":null,"guided_json":null,"guided_regex":"a")",
     R"("guided_json":null,"structured_outputs":{"regex":"a"})",
     "guided_regex->structured_outputs.regex"},
    {"the last of duplicates counts", kToday, R"("guided_regex":"a","n":1,"guided_regex":"b")",
     R"("n":1,"structured_outputs":{"regex":"b"})", "guided_regex->structured_outputs.regex"},
    {"a null takes the constraint back", kToday, R"("guided_regex":"a","guided_regex":null)", "",
     ""},
    {"a key with escapes", kToday, R"("guided\u005fregex":"a")",
     R"("structured_outputs":{"regex":"a"})", "guided_regex->structured_outputs.regex"},
    {"an answer format that constrains nothing", kToday,
     R"("response_format":{"type":"text"},"guided_regex":"a")",
     R"("response_format":{"type":"text"},"structured_outputs":{"regex":"a"})",
     "guided_regex->structured_outputs.regex"},
    {"the same constraint in both ways", kToday,
     R"("guided_regex":"a","structured_outputs":{"regex":"a"})",
     R"("structured_outputs":{"regex":"a"})", "guided_regex dropped"},
    {"structured_outputs alone", kToday, R"("structured_outputs":{"regex":"a","choice":["b"]})", "",
     ""},
    {"a server that knows both", kBoth,
     R"("guided_regex":"a","guided_json":{},"structured_outputs":{"choice":["b"]})", "", ""},
    {"a backend where it is ignored", kBoth,
     R"("guided_regex":"a","guided_decoding_backend":"outlines")", R"("guided_regex":"a")",
     "guided_decoding_backend dropped"},
    {"a backend where the server insists on its own", kV1,
     R"("guided_decoding_backend":"outlines","guided_regex":"a")", R"("guided_regex":"a")",
     "guided_decoding_backend dropped"},
    {"a backend where it is taken", kV0,
     R"("guided_decoding_backend":"lm-format-enforcer","guided_regex":"a")", "", ""},
    {"a backend with an option", kV0, R"("guided_decoding_backend":"xgrammar:no-fallback")", "",
     ""},
    {"a backend before its time",
     {.minor = 6, .patch = 4},
     R"("guided_decoding_backend":"xgrammar")",
     "-",
     "guided_decoding_backend dropped"},
    {"the server's own backend", kV0, R"("guided_decoding_backend":"auto")", "-",
     "guided_decoding_backend dropped"},
    {"an old client of an old server", kV1, R"("guided_regex":"a","guided_json":{})", "", ""},
};

TEST(TranslateConstraintsTest, GivesEachServerTheNamesItKnows) {
  for (const Case& c : kConstraintCases) {
    check(kChat, c);
    check(kCompletion, c);
  }
}

const Case kOldServerCases[] = {
    {"a schema", kV1, R"("structured_outputs": {"json" : {"a": 1}})", R"("guided_json": {"a": 1})",
     "structured_outputs.json->guided_json"},
    {"a pattern", kV0, R"("structured_outputs":{"regex":"a"},"n":1)", R"("guided_regex":"a","n":1)",
     "structured_outputs.regex->guided_regex"},
    {"a choice", kV1, R"("structured_outputs":{"choice":["b"],"json":null})",
     R"("guided_choice":["b"])", "structured_outputs.choice->guided_choice"},
    {"a grammar", kV1, R"("structured_outputs":{"grammar":"g"})", R"("guided_grammar":"g")",
     "structured_outputs.grammar->guided_grammar"},
    {"options", kV1,
     R"("structured_outputs":{"json":{},"whitespace_pattern":" ?","disable_any_whitespace":true})",
     R"("guided_json":{},"guided_whitespace_pattern":" ?")",
     "structured_outputs.json->guided_json, "
     "structured_outputs.whitespace_pattern->guided_whitespace_pattern, "
     "structured_outputs.disable_any_whitespace dropped"},
    {"any object", kV1, R"("response_format":null,"structured_outputs":{"json_object":true})",
     R"("response_format":{"type":"json_object"})",
     "structured_outputs.json_object->response_format"},
    {"both ways", kV1, R"("structured_outputs":{"regex":"a"},"guided_regex":"a")",
     R"("guided_regex":"a")", "structured_outputs dropped"},
    {"null beside it", kV1, R"("structured_outputs":{"regex":"a"},"guided_regex":null)",
     R"("guided_regex":"a")", "structured_outputs.regex->guided_regex"},
    {"the first server that knows it", kBoth, R"("structured_outputs":{"regex":"a"})", "", ""},
};

TEST(TranslateConstraintsTest, GivesAnOldServerTheOldNames) {
  for (const Case& c : kOldServerCases)
    check(kChat, c);
}

const Case kLogprobsCases[] = {
    {"a number", kToday, R"("logprobs": 2)", R"("logprobs": true,"top_logprobs":2)",
     "logprobs->top_logprobs"},
    {"one", kV0, R"("logprobs":1)", R"("logprobs":true,"top_logprobs":1)",
     "logprobs->top_logprobs"},
    {"too many, for the server to say", kToday, R"("logprobs":50)",
     R"("logprobs":true,"top_logprobs":50)", "logprobs->top_logprobs"},
    {"both", kToday, R"("logprobs":5,"top_logprobs":2)", R"("logprobs":true,"top_logprobs":2)",
     "logprobs->true"},
    {"a null beside it", kToday, R"("top_logprobs":null,"logprobs":5)",
     R"("top_logprobs":5,"logprobs":true)", "logprobs->top_logprobs"},
    {"one is true", kToday, R"("logprobs":1,"top_logprobs":2)", "", ""},
    {"zero is false", kToday, R"("logprobs":0)", "", ""},
    {"as it should be", kToday, R"("logprobs":true,"top_logprobs":2)", "", ""},
    {"no number", kToday, R"("logprobs":-1)", "", ""},
    {"no integer", kToday, R"("logprobs":2.5)", "", ""},
    {"a text", kToday, R"("logprobs":"2")", "", ""},
};

TEST(TranslateLogprobsTest, MakesANumberOfThemOneOfAChat) {
  for (const Case& c : kLogprobsCases)
    check(kChat, c);
  EXPECT_FALSE(translate(kCompletion, body_with(R"("logprobs":2)"), kToday).body.has_value());
}

struct PlanCase {
  std::string_view path;
  std::string_view members;
  std::string_view expected;
  BestOf plan;
};

TEST(TranslateBestOfTest, AsksForAllAnswersWithTheirLogprobs) {
  const PlanCase cases[] = {
      {kChat, R"("best_of":3)", R"("n":3,"logprobs":true)", {.asked = 3}},
      {kChat, R"("n":2,"best_of":"5")", R"("n":5,"logprobs":true)", {.asked = 5, .wanted = 2}},
      {kChat, R"("best_of":3,"logprobs":false)", R"("n":3,"logprobs":true)", {.asked = 3}},
      {kChat,
       R"("best_of":3,"logprobs":true)",
       R"("n":3,"logprobs":true)",
       {.asked = 3, .keep_logprobs = true}},
      {kChat,
       R"("best_of":3,"logprobs":2)",
       R"("n":3,"logprobs":true,"top_logprobs":2)",
       {.asked = 3, .keep_logprobs = true}},
      {kChat, R"("best_of":3,"n":null)", R"("n":3,"logprobs":true)", {.asked = 3}},
      {kChat, R"("echo":true,"best_of":3)", R"("echo":true,"n":3,"logprobs":true)", {.asked = 3}},
      {kCompletion, R"("best_of":3,"n":1)", R"("n":3,"logprobs":1)", {.asked = 3}},
      {kCompletion,
       R"("best_of":3,"logprobs":0)",
       R"("n":3,"logprobs":0)",
       {.asked = 3, .keep_logprobs = true}},
      {kCompletion,
       R"("use_beam_search":true,"best_of":3,"temperature":0)",
       R"("use_beam_search":true,"n":3,"temperature":0)",
       {.asked = 3}},
  };
  for (const PlanCase& c : cases) {
    for (const Version& version : {kV1, kBoth, kToday}) {
      SCOPED_TRACE(testing::Message() << c.path << ' ' << c.members << " 0." << version.minor);
      const Translation translation = translate(c.path, body_with(c.members), version);
      EXPECT_EQ(translation.body, body_with(c.expected));
      EXPECT_TRUE(translation.note.ends_with("best_of->n")) << translation.note;
      ASSERT_TRUE(translation.best_of.has_value());
      EXPECT_EQ(*translation.best_of, c.plan);
    }
  }
}

TEST(TranslateBestOfTest, DropsItWhereItChangesNothingAndTheServerWouldRefuse) {
  for (const std::string_view members :
       {R"("best_of":2,"n":2)", R"("best_of":2,"n":3)", R"("best_of":4,"temperature":0)",
        R"("best_of":4,"temperature":"0")", R"("best_of":4,"temperature":0.0,"stream":true)"}) {
    SCOPED_TRACE(members);
    const Translation old = translate(kChat, body_with(members), kBoth);
    EXPECT_EQ(old.note, "best_of dropped");
    EXPECT_FALSE(old.best_of.has_value());
    ASSERT_TRUE(old.body.has_value());
    EXPECT_FALSE(Json::parse(*old.body).contains("best_of"));
    // Ignored there.
    const Translation today = translate(kChat, body_with(members), kToday);
    EXPECT_FALSE(today.body || today.refusal || today.best_of);
  }
}

TEST(TranslateBestOfTest, TakesATemperatureThatIsNoNumberForNone) {
  for (const std::string_view temperature :
       {"1", "\"0.5\"", "\"\"", "\"zero\"", "0x", "[0]", "{}", "true", "nan"}) {
    const std::string members = R"("best_of":3,"temperature":)" + std::string(temperature);
    EXPECT_TRUE(translate(kChat, body_with(members), kToday).best_of.has_value()) << temperature;
  }
}

TEST(TranslateBestOfTest, LeavesItToServersThatKnowItAndToThoseThatTakeOne) {
  EXPECT_FALSE(translate(kChat, body_with(R"("best_of":3,"stream":true)"), kV0).body.has_value());
  for (const Version& version : {kV0, kV1, kBoth, kToday}) {
    const Translation translation = translate(kCompletion, body_with(R"("best_of":1)"), version);
    EXPECT_FALSE(translation.body || translation.refusal || translation.best_of);
  }
  // n is wrong: the server says how.
  for (const std::string_view n : {"0", "-1", "\"x\"", "1.5", "[]"}) {
    const std::string body = body_with(R"("best_of":3,"n":)" + std::string(n));
    const Translation translation = translate(kChat, body, kToday);
    EXPECT_FALSE(translation.body || translation.refusal || translation.best_of) << n;
  }
}

struct RefusalCase {
  std::string_view name;
  Version version;
  std::string_view path;
  std::string_view members;
  std::string_view message;
  std::string_view param;
};

const RefusalCase kRefusalCases[] = {
    {"two kinds", kToday, kChat, R"("guided_json":{},"guided_regex":"a")",
     "You can only use one kind of structured outputs constraint but multiple are specified: "
     "guided_json and guided_regex. (parameter=guided_json)",
     "guided_json"},
    {"two kinds under two names", kToday, kCompletion,
     R"("structured_outputs":{"choice":["a"]},"guided_regex":"a")",
     "You can only use one kind of structured outputs constraint but multiple are specified: "
     "guided_regex and structured_outputs.choice. (parameter=guided_regex)",
     "guided_regex"},
    {"a kind that has no old name", kToday, kChat,
     R"("structured_outputs":{"structural_tag":"{}"},"guided_regex":"a")",
     "You can only use one kind of structured outputs constraint but multiple are specified: "
     "guided_regex and structured_outputs. (parameter=guided_regex)",
     "guided_regex"},
    {"an answer format that constrains too", kToday, kChat,
     R"("response_format":{"type":"json_object"},"guided_regex":"a")",
     "You can only use one kind of structured outputs constraint but multiple are specified: "
     "guided_regex and response_format. (parameter=guided_regex)",
     "guided_regex"},
    {"two kinds for an old server", kV1, kChat,
     R"("structured_outputs":{"choice":["a"],"regex":"b"})",
     "You can only use one kind of structured outputs constraint but multiple are specified: "
     "structured_outputs.regex and structured_outputs.choice. (parameter=structured_outputs)",
     "structured_outputs"},
    {"no kind for an old server", kV1, kChat, R"("structured_outputs":{"json":null})",
     "You must use one kind of structured outputs constraint but none are specified. "
     "(parameter=structured_outputs)",
     "structured_outputs"},
    {"no object for an old server", kV1, kChat, R"("structured_outputs":["a"])",
     "1 validation error:\n  {'type': 'dict_type', 'loc': 'body.structured_outputs', 'msg': 'Input "
     "should be a valid dictionary', 'input': '<list of 1 items>'}",
     "body.structured_outputs"},
    {"a kind that an old server has not", kV1, kChat,
     R"("structured_outputs":{"structural_tag":"{}"})",
     "structured_outputs.structural_tag needs vLLM 0.11.0 or later, and the server of this model "
     "is "
     "older. (parameter=structured_outputs)",
     "structured_outputs"},
    {"a pattern that is no text", kToday, kChat, R"("guided_regex":5)",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_regex', 'msg': 'Input "
     "should be a valid string', 'input': '5'}",
     "body.guided_regex"},
    {"a grammar that is no text", kToday, kChat, R"("guided_grammar":{"a":1})",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_grammar', 'msg': 'Input "
     "should be a valid string', 'input': '<dict of 1 items>'}",
     "body.guided_grammar"},
    {"a schema that is none", kToday, kChat, R"("guided_json":true)",
     "1 validation error:\n  {'type': 'dict_type', 'loc': 'body.guided_json', 'msg': 'Input should "
     "be a valid string or dictionary', 'input': 'True'}",
     "body.guided_json"},
    {"a choice that is no list", kToday, kChat, R"("guided_choice":"yes")",
     "1 validation error:\n  {'type': 'list_type', 'loc': 'body.guided_choice', 'msg': 'Input "
     "should be a valid list', 'input': 'yes'}",
     "body.guided_choice"},
    {"a choice that is an object", kToday, kChat, R"("guided_choice":{"a":1})",
     "1 validation error:\n  {'type': 'list_type', 'loc': 'body.guided_choice', 'msg': 'Input "
     "should be a valid list', 'input': '<dict of 1 items>'}",
     "body.guided_choice"},
    {"a choice of something else", kToday, kChat, R"("guided_choice":["yes",2])",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_choice.1', 'msg': 'Input "
     "should be a valid string', 'input': '2'}",
     "body.guided_choice.1"},
    {"a choice of lists", kToday, kChat, R"("guided_choice":["yes","no",["a"]])",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_choice.2', 'msg': 'Input "
     "should be a valid string', 'input': '<list of 1 items>'}",
     "body.guided_choice.2"},
    {"a choice of objects", kToday, kChat, R"("guided_choice":[{"a":1,"b":2}])",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_choice.0', 'msg': 'Input "
     "should be a valid string', 'input': '<dict of 2 items>'}",
     "body.guided_choice.0"},
    {"a white space pattern that is no text", kToday, kChat,
     R"("guided_json":{},"guided_whitespace_pattern":1)",
     "1 validation error:\n  {'type': 'string_type', 'loc': 'body.guided_whitespace_pattern', "
     "'msg': 'Input should be a valid string', 'input': '1'}",
     "body.guided_whitespace_pattern"},
    {"best_of in a stream", kToday, kChat, R"("best_of":3,"stream":true)",
     "best_of greater than n cannot be streamed: which answers are best is known when all are "
     "complete. (parameter=best_of)",
     "best_of"},
    {"best_of with echo", kToday, kCompletion, R"("best_of":3,"echo":true)",
     "best_of greater than n cannot be used with echo. (parameter=best_of)", "best_of"},
    {"best_of below one", kToday, kCompletion, R"("best_of":0)",
     "best_of must be at least 1, got 0. (parameter=best_of)", "best_of"},
    {"best_of that is no number", kToday, kCompletion, R"("best_of":[1])",
     "1 validation error:\n  {'type': 'int_type', 'loc': 'body.best_of', 'msg': 'Input should be a "
     "valid integer', 'input': '<list of 1 items>'}",
     "body.best_of"},
    {"best_of that is a word", kBoth, kChat, R"("best_of":"many")",
     "1 validation error:\n  {'type': 'int_parsing', 'loc': 'body.best_of', 'msg': 'Input should "
     "be "
     "a valid integer, unable to parse string as an integer', 'input': 'many'}",
     "body.best_of"},
};

TEST(TranslateTest, RefusesWhatCannotBeAndNamesTheParameter) {
  for (const RefusalCase& c : kRefusalCases) {
    SCOPED_TRACE(c.name);
    const Translation translation = translate(c.path, body_with(c.members), c.version);
    EXPECT_FALSE(translation.body.has_value());
    ASSERT_TRUE(translation.refusal.has_value());
    const Json error = Json::parse(*translation.refusal)["error"];
    EXPECT_EQ(error["message"], c.message);
    EXPECT_EQ(error["param"], c.param);
    EXPECT_EQ(error["code"], 400);
  }
}

TEST(TranslateTest, LeavesOtherRequestsAlone) {
  const std::string body = body_with(R"("guided_regex":"a","best_of":3,"logprobs":2)");
  for (const std::string_view path : {"/v1/embeddings", "/v1/messages", "/v1/chat/completions/",
                                      "/", "/v1/responses", "/tokenize"}) {
    const Translation translation = translate(path, body, kToday);
    EXPECT_FALSE(translation.body || translation.refusal || translation.best_of) << path;
    EXPECT_EQ(translation.note, "");
  }
}

TEST(TranslateTest, LeavesABrokenBodyToTheServer) {
  const std::string whole = R"({"guided_json":{"a":[1,2]},"best_of":3})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Translation translation = translate(kChat, whole.substr(0, size), kToday);
    EXPECT_FALSE(translation.body || translation.refusal || translation.best_of) << size;
  }
  for (const std::string_view body : {"[]", "null", "\"guided_json\"", "{} {}", "x"})
    EXPECT_FALSE(translate(kChat, body, kToday).body.has_value()) << body;
}

// vLLM's own parameters, each with a value that it takes: nothing of them is touched.
TEST(TranslateTest, LeavesEveryOtherParameterAlone) {
  const std::string_view members =
      R"("top_k":-1,"min_p":0.1,"repetition_penalty":1.1,"length_penalty":0.5,)"
      R"("early_stopping":true,"use_beam_search":false,"ignore_eos":true,"min_tokens":4,)"
      R"("skip_special_tokens":false,"detokenize":false,"echo":true,"add_generation_prompt":false,)"
      R"("add_special_tokens":true,"include_stop_str_in_output":true,"prompt_logprobs":1,)"
      R"("stop":["e"],"seed":42,"stream":true,"n":2,"temperature":0.8,"logit_bias":{"50":100},)"
      R"("response_format":{"type":"json_object"},"tools":[],"no_such_field":1,)"
      R"("reasoning_content":"x","top_logprobs":2,"logprobs":true)";
  for (const Version& version : {kV0, kV1, kBoth, kToday}) {
    const Translation translation = translate(kChat, body_with(members), version);
    EXPECT_FALSE(translation.body || translation.refusal || translation.best_of);
  }
}

// A note becomes a header, so that nothing of a client may get into it.
TEST(TranslateTest, NeverPutsTheClientsTextIntoTheNote) {
  const Translation translation = translate(
      kChat,
      body_with(R"("structured_outputs":{"regex":"a","x\r\nSet-Cookie: a":true,"_backend":"b"})"),
      kV1);
  EXPECT_EQ(translation.note, "structured_outputs.regex->guided_regex");
}

constexpr BestOf kTwoOfThree = {.asked = 3, .wanted = 2};

TEST(ChooseBestTest, ReturnsTheBestByMeanLogProbability) {
  // By sum the first would win; by mean it is the last.
  const std::string answer =
      R"({"id":"chatcmpl-1","choices":[)"
      R"({"index":0,"message":{"content":"a"},"logprobs":{"content":[{"logprob":-2}]}},)"
      R"({"index":1,"message":{"content":"b"},"logprobs":{"content":[{"logprob":-3},)"
      R"({"logprob":-4}]}},)"
      R"({"index":2,"message":{"content":"c"},"logprobs":{"content":[{"logprob":-1},)"
      R"({"logprob":-1.5},{"logprob":-2}]},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":13,"total_tokens":19,"completion_tokens":6}})";
  EXPECT_EQ(choose_best(answer, kTwoOfThree),
            R"({"id":"chatcmpl-1","choices":[)"
            R"({"index":0,"message":{"content":"c"},"logprobs":null,"finish_reason":"stop"},)"
            R"({"index":1,"message":{"content":"a"},"logprobs":null}],)"
            R"("usage":{"prompt_tokens":13,"total_tokens":19,"completion_tokens":6}})");
}

TEST(ChooseBestTest, KeepsTheLogprobsThatTheClientAskedFor) {
  const std::string answer = R"({"choices":[{"index":0,"logprobs":{"token_logprobs":[-5,null]}},)"
                             R"({"index":1,"logprobs":{"token_logprobs":[-1.25,-2.5]}}]})";
  EXPECT_EQ(choose_best(answer, {.asked = 2, .wanted = 1, .keep_logprobs = true}),
            R"({"choices":[{"index":0,"logprobs":{"token_logprobs":[-1.25,-2.5]}}]})");
}

TEST(ChooseBestTest, ChoosesForEachPromptByItself) {
  Json answer = {{"choices", Json::array()}};
  for (const double logprob : {-1.0, -2.0, -3.0, -9.0, -7.0, -8.0}) {
    answer["choices"].push_back({{"index", answer["choices"].size()},
                                 {"text", std::to_string(logprob)},
                                 {"logprobs", {{"token_logprobs", {logprob}}}}});
  }
  const Json chosen = Json::parse(choose_best(answer.dump(), kTwoOfThree));
  ASSERT_EQ(chosen["choices"].size(), 4U);
  const std::vector<std::string> expected = {"-1.000000", "-2.000000", "-7.000000", "-8.000000"};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(chosen["choices"][i]["text"], expected[i]);
    EXPECT_EQ(chosen["choices"][i]["index"], i);
  }
}

TEST(ChooseBestTest, PutsAnswersWithoutLogprobsBehindTheOthersInTheirOrder) {
  const std::string answer = R"({"choices":[{"t":"a"},{"t":"b","logprobs":{"content":[]}},)"
                             R"({"t":"c","logprobs":{"content":[{"logprob":-9}]}}]})";
  EXPECT_EQ(choose_best(answer, {.asked = 3, .wanted = 3}),
            R"({"choices":[{"t":"c","logprobs":null,"index":0},{"t":"a","index":1},)"
            R"({"t":"b","logprobs":null,"index":2}]})");
}

TEST(ChooseBestTest, ReturnsWhatIsNoAnswerAsItIs) {
  for (const std::string_view text : {"", "null", "[]", "{", R"({ "error" : {} })",
                                      R"({ "choices" : 5 })", R"({ "choices" : [1] })"})
    EXPECT_EQ(choose_best(text, kTwoOfThree), text);
}

TEST(TranslateBestOfTest, IsLimitedUnderItsOwnName) {
  const Translation translation =
      translate("/v1/completions", R"({"prompt":"x","best_of":16385})", kNewestVersion);
  ASSERT_TRUE(translation.refusal.has_value());
  EXPECT_NE(translation.refusal->find("best_of must be at most 16384, got 16385."),
            std::string::npos);
}

TEST(ExplainRefusalTest, SaysWhatTheClientWrote) {
  EXPECT_EQ(explain_refusal(R"({"error":{"message":"Grammar error: x","type":"t","code":400}})",
                            "guided_regex->structured_outputs.regex"),
            R"x({"error":{"message":"Grammar error: x (translated by the gateway: )x"
            R"x(guided_regex->structured_outputs.regex)","type":"t","code":400}})x");
  for (const char* other :
       {"", "no JSON", "[]", "{}", R"({"error":"Unauthorized"})", R"({"error":{"message":5}})"})
    EXPECT_EQ(explain_refusal(other, "a->b"), other);
}

TEST(MayNeedTranslationTest, SaysNoOnlyWhereThereIsNothingToDo) {
  const auto may = [](std::string_view body) {
    return may_need_translation(openai::inspect_request(body).keys);
  };
  EXPECT_FALSE(may(R"({"model":"m","messages":[],"temperature":0,"max_tokens":1,"stream":true})"));
  for (const char* name : {"guided_json", "guided_regex", "guided_choice", "guided_grammar",
                           "guided_whitespace_pattern", "guided_decoding_backend",
                           "structured_outputs", "best_of", "logprobs"})
    EXPECT_TRUE(may(R"({"model":"m",")" + std::string(name) + R"(":1})")) << name;
  EXPECT_TRUE(may(R"({"guid\u0065d_json":1})"));
}

}  // namespace
}  // namespace olla::vllm
