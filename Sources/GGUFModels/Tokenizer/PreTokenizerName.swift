import Diagnostics
import JSONText
import Tokenization

/// The names that llama.cpp has for ways to cut text before bytes are merged (`src/llama-vocab.cpp`, November 2026). Of names
/// that mean the same cuts the table has one.
enum PreTokenizerName {
  /// The name for the cuts of a tokenizer on bytes.
  ///
  /// - Throws: `unsupported` for cuts that have none.
  static func name(of parts: TokenizerParts) throws(InputError) -> String {
    var cuts: [String] = []
    for step in parts.preTokenizers { cuts += try self.cuts(of: step) }
    let ignoresMerges = try parts.settings.optional("ignore_merges")?.bool() ?? false
    let matching = table.filter { $0.cuts == cuts }
    let best = matching.first { $0.ignoresMerges == ignoresMerges } ?? matching.first
    guard let best else {
      throw InputError(
        .unsupported, source: "tokenizer.json", place: "pre_tokenizer",
        "cuts texts at \(cuts.isEmpty ? "nothing" : cuts.map { quoted($0) }.joined(separator: ", then ")), "
          + "for which llama.cpp has no name; it has for the cuts of "
          + table.map(\.name).joined(separator: ", "))
    }
    return best.name
  }

  /// The patterns that a component cuts at.
  private static func cuts(of step: JSONReader) throws(InputError) -> [String] {
    switch try TokenizerKind.type(step) {
    case "ByteLevel":
      if try step.optional("add_prefix_space")?.bool() == true {
        throw TokenizerKind.unsupported("a space before each text", "\(step.path).add_prefix_space")
      }
      return try step.optional("use_regex")?.bool() ?? true ? [gpt2] : []
    case "Digits":
      return [try step.optional("individual_digits")?.bool() ?? false ? digit : "digits"]
    case "Split":
      let behavior = try step.required("behavior").string()
      let isInverted = try step.optional("invert")?.bool() ?? false
      // What is not matched is removed, or kept by itself: the same for patterns that match every character.
      guard behavior == "Isolated" && !isInverted || behavior == "Removed" && isInverted,
        let pattern = try step.required("pattern").optional("Regex")?.string()
      else { throw TokenizerKind.unsupported("such a cut", step.path) }
      return [
        pattern == #"\p{N}"# ? digit : PublishedPatterns.name(ofText: pattern) ?? pattern
      ]
    case let type: throw TokenizerKind.unsupported("the pre-tokenizer \(quoted(type))", step.path)
    }
  }

  /// The components that cut as a name says, and whether tokens are taken whole before merges are tried; nil for a name
  /// that is not known.
  static func components(named name: String) -> (steps: [JSONValue], ignoresMerges: Bool)? {
    let usual = aliases[name] ?? name
    guard let row = table.first(where: { $0.name == usual }) else { return nil }
    var steps: [JSONValue] = row.cuts.filter { $0 != gpt2 }.map { cut in
      if cut == digit { return ["type": "Digits", "individual_digits": true] }
      let text = PublishedPatterns.text(ofName: cut) ?? cut
      return [
        "type": "Split", "pattern": ["Regex": .string(text)], "behavior": "Isolated",
        "invert": false,
      ]
    }
    steps.append([
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
      "use_regex": .bool(row.cuts.contains(gpt2)),
    ])
    return (steps, row.ignoresMerges)
  }

  /// Other names for the same cuts (`src/llama-vocab.cpp`).
  private static let aliases = [
    "llama3": "llama-bpe", "llama-v3": "llama-bpe", "falcon3": "llama-bpe", "pixtral": "llama-bpe",
    "lfm2": "llama-bpe", "deepseek-r1-qwen": "qwen2", "smaug-bpe": "dbrx", "llama4": "gpt-4o",
    "phi-2": "gpt-2",
  ]

  /// GPT-2's cuts, and single digits, which components have names for.
  private static let gpt2 = "GPT-2"
  private static let digit = "digit"

  private typealias Row = (name: String, ignoresMerges: Bool, cuts: [String])

  /// With the names of published patterns (`PublishedPatterns`), or the text of one that is none of them.
  private static let table: [Row] = [
    ("llama-bpe", true, ["Llama 3"]), ("dbrx", false, ["Llama 3"]), ("dbrx", false, ["GPT-4"]),
    ("qwen2", false, ["Qwen2"]), ("qwen35", false, ["Qwen3.5"]), ("gpt-4o", false, ["GPT-4o"]),
    ("tekken", true, ["Tekken"]), ("smollm", false, [digit, gpt2]), ("gpt-2", false, [gpt2]),
    (
      "deepseek-v3", false, ["digits by three", "DeepSeek-V3 ideographs", "DeepSeek-V3 words"]
    ),
    (
      "deepseek-coder", false,
      ["newline", "letters", "punctuation", "DeepSeek Coder ideographs", digit]
    ),
    (
      "seed-coder", false,
      [
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|"#
          + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
      ]
    ),
  ]
}
