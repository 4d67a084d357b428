#include "sim/vocabulary.h"

#include <array>

namespace olla::sim {

const std::string_view kVocabularyPieces = R"(
  ing tion ment able ness ful less est ers ies ity ous ive ize ise ate ant ent ance ence ally ed
  er ly es al en on in an re or ar le un de th st ch sh ck ll ss tt oo ee ea ou ai pre pro con com
  dis ver ter der per str tr pl gr br fr cr dr bl cl fl sp sc qu ph wh ow aw ew igh ight ound ound
  ord orm ort ard art ast ist ust ell ill all ick ack ock ink ank ong ang ame ake ade ale ape ate
  ave ice ide ile ime ine ire ite ive oke ole ome one ope ore ose ote ul um us ur ir is it id ic
  im if ab ac ad ag am ap as at av ax be bi bo bu ca ce ci co cu da di do du el em et ev ex fa fe
  fi fo ga ge gi go gu ha he hi ho hu ja jo ju ka ke ki la li lo lu ma me mi mo mu na ne ni no nu
  ob oc od of og ol om op os ot ov pa pe pi po pu ra ri ro ru sa se si so su ta te ti to tu ub uc
  ud ug un up ut va ve vi vo wa we wi wo ya ye yo za ze zo
)";

const std::string_view kVocabularyWords = R"(
  the of and to in a is that for it as was with be by on not he his but at are this have from or
  had an they which one you were all her she there would their we him been has when who will no
  more if out so up said what its about than into them can only other time new some could these
  two may first then do any like my now over such our man me even most made after also did many
  off before must well back through years much where your way down should because long each just
  state those people too mr how little good world make very year still see own work men day get
  here old between both life being under three never know same last another while us might great
  go come since against right came take used himself few house use place during without again home
  around small however found school part went say general once upon every left don does got united
  number hand course war until always away public something fact less though far put head think
  almost enough end took night set called eyes find system better tell group things point give
  days given need large across yet next early order second face later become several done side
  possible water nothing often young open among asked line best name kind let thing seemed want
  power case against whole light problem hello hi hey thanks thank please yes sure okay ok sorry
  welcome today tomorrow yesterday write read tell explain describe list count summarize translate
  answer question example story poem joke code program function variable class string integer file
  line python language english german french text word words sentence paragraph letter letters
  number numbers sum difference why quick brown fox jumps lazy dog cat sky blue red green white
  black capital city country france paris berlin germany london america sea mountain river sun
  moon star stars tree bird fish alpha beta gamma delta one four five six seven eight nine ten
  hundred thousand million model models token tokens prompt prompts request requests response
  responses server servers client clients gateway router worker workers engine scheduler batch
  batches queue queues cache caches prefix prefixes memory block blocks page pages key keys value
  values attention kernel kernels layer layers weight weights tensor matrix gpu gpus fleet cluster
  node nodes replica replicas endpoint endpoints stream streams chunk chunks event events latency
  throughput traffic load budget limit limits window context length step steps decode decoder
  prefill sample sampling temperature logits vocabulary embedding embeddings vector vectors
  quantization precision adapter policy health check checks retry retries timeout error errors
  connection connections socket sockets network packet buffer pool pipeline rhythm pace speed
  bandwidth capacity keeps shares moves feeds watches balances reads fills measures protects
  returns holds follows reuses guards prepares schedules admits streams writes counts carries
  serves drains keep share move feed watch balance fill measure protect return hold follow reuse
  guard prepare schedule admit carry serve drain run runs running waiting wait waits waited ready
  warm cold busy idle quiet steady stable short shorter longest slow slower slowest fast faster
  fastest free fair simple clear honest patient careful gentle bright heavy lightly evenly quickly
  slowly smoothly neatly together alone already soon later finally first meanwhile instead usually
  rarely practice care half morning evening noon minute minutes moment moments hour hours helps
  help matters matter stays stay grows grow falls fall rises rise notices notice loses losing lost
  single hidden shared next healthy empty full deep wide narrow open closed nobody everybody
  anyone someone somewhere everywhere nowhere whatever whenever wherever user users system
  assistant role content message messages chat completion completions tool tools json schema field
  fields object array true false null none default option options test tests data set sets result
  results input output version release build start stop begin ends finish finished done waits
  change changes reason reasons rule rules plan plans map maps deployment production machine
  machines rack racks room rooms fan fans cable cables engineer engineers operator operators team
  teams person friend friends teacher student children book books paper papers music song songs
  game games film picture color colors food bread coffee tea am pm monday tuesday wednesday
  thursday friday saturday sunday january february march april june july august september october
  november december spring summer autumn winter about above below behind beside near far inside
  outside toward within along big bigger biggest high higher highest low lower lowest near nearer
  late earlier said says saying tells told asks ask asking gives giving takes taking makes making
  goes going comes coming sees seeing knows knowing thinks thinking looks look looking seems feel
  feels felt try tries trying means mean meaning meant works working worked uses using
)";

namespace {

constexpr auto kPhrases = std::to_array<std::string_view>({"<think>",
                                                           "</think>",
                                                           "<tool_call>",
                                                           "</tool_call>",
                                                           "Hello, ",
                                                           "this is ",
                                                           "a scripted ",
                                                           "answer ",
                                                           "from the ",
                                                           "tiny model.",
                                                           "\nThe user ",
                                                           "wants two ",
                                                           "plus two. ",
                                                           "That is ",
                                                           "four.\n",
                                                           "\n\nThe answer ",
                                                           "is 4.",
                                                           "Let me ",
                                                           "look that up.\n",
                                                           "\n{\"name\": ",
                                                           "\"get_weather\"",
                                                           "\"get_time\"",
                                                           ", \"arguments\": ",
                                                           "{\"city\": ",
                                                           "\"Os",
                                                           "lo\"",
                                                           ", \"days\": 2}",
                                                           "\"Oslo\"",
                                                           "}",
                                                           "{\"zone\": ",
                                                           "\"Europe/Oslo\"",
                                                           "}\n"});

}  // namespace

const std::span<const std::string_view> kVocabularyPhrases = kPhrases;

}  // namespace olla::sim
