#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sim/answer.h"
#include "sim/engine.h"
#include "sim/exchange.h"

namespace olla::sim {

/// Told that a generation has an event to take, or is done.
class GenerationListener {
 public:
  virtual ~GenerationListener() = default;
  /// The generation may be left and destroyed in here.
  virtual void on_ready() = 0;
};

/// The answer to one request for text while the engine writes it: tokens go in, events
/// or one body come out.
///
/// Made by Api, fed by Ranks; the server takes what is ready. Each token is one event, however late
/// the reader is: a real vLLM joins tokens then. An answer is bounded by the context length, so the
/// queue of events is too.
class Generation {
 public:
  explicit Generation(Exchange exchange);

  [[nodiscard]] bool streamed() const { return exchange_.sampling.stream; }
  /// The last token is here; a stream may still have events to take.
  [[nodiscard]] bool done() const { return running_ == 0; }

  /// Streamed: the next event ("data: ...", with its empty line), or nullopt when none is ready.
  /// The last one of a chat or a completion is "data: [DONE]".
  std::optional<std::string> take_event();
  [[nodiscard]] bool has_event() const { return !events_.empty(); }

  /// Not streamed: the complete answer; only when done().
  [[nodiscard]] Answer answer() const;

  /// `listener` must outlive the generation, or be replaced by nullptr before.
  void set_listener(GenerationListener* listener) { listener_ = listener; }

 private:
  friend class Ranks;

  [[nodiscard]] const Exchange& exchange() const { return exchange_; }
  /// Hands the choice of that number its next token. Returns whether the choice ended by a stop
  /// string, which the engine cannot know.
  bool add_token(std::size_t number, const TokenEvent& event);
  /// The engine died: this is done, and tells so in the place of what is missing.
  void fail();
  /// The server's owner ended it: what there is so far is the answer.
  void abort();
  [[nodiscard]] bool ends_by_rule(const TokenEvent& event) const;
  [[nodiscard]] bool has_text(const Choice& choice, TokenId token) const;
  void count_thought(Choice& choice, TokenId token) const;
  void finish_or_go_on(Choice& choice);
  [[nodiscard]] bool ready() const { return done() || streamed(); }
  /// Takes apart what is new of the choice's text, and settles how it finished.
  std::vector<OutputParser::Part> parse(Choice& choice, std::string_view text);
  void push_events(Choice& choice, std::string_view text,
                   const std::vector<OutputParser::Part>& parts);
  void push_part(Choice& choice, const OutputParser::Part* part, bool last);
  void push_opening();
  void push_ending();
  void push_all(std::vector<std::string> events);
  [[nodiscard]] std::string body() const;
  /// Tells the listener if there is something for it; this may be gone afterwards.
  void notify();

  Exchange exchange_;
  std::size_t running_;
  std::size_t rank_ = 0;  // the engine that works on it
  bool begun_ = false;
  bool failed_ = false;
  std::deque<std::string> events_;
  GenerationListener* listener_ = nullptr;
};

}  // namespace olla::sim
