import AutoRound
import Checkpoints
import CompressedTensors
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import QuantizedCheckpoints
import Tensors
import Tokenization

/// A parser of the program, as something that takes any bytes.
///
/// An `InputError` is a good answer to bad bytes; a trap, an endless loop or memory without bound is not.
struct FuzzTarget: Sendable {
  /// Its name.
  var name: String
  /// The folder of its seeds in `Fuzz/Corpus`; nil for one of its own name.
  var corpus: String?
  /// Whether the configurations of the tests' models are seeds too.
  var takesModels = false
  /// Whether the bytes are a document in JSON, so that damage to its tokens tells most.
  var isJSON = true
  /// Words that are worth putting into an input, besides those of its seeds.
  var words: [String] = []
  /// What follows after damage, such as a checksum made right again; nil for nothing.
  var repair: (@Sendable ([UInt8]) -> [UInt8])?
  /// Parses the bytes, and uses what comes out.
  var run: @Sendable ([UInt8]) throws -> Void

  static let all: [FuzzTarget] = [
    json, safetensors, gguf, index, configuration, tokenizer, tokenizerSettings, recipe, records,
    text,
    journal, verify, layers, widened, plan, evaluate, card, events, template, hubListing,
    hubHeaders,
  ]

  static let json = FuzzTarget(name: "json") { bytes in
    let value = try JSONValue.parse(bytes)
    guard try JSONValue.parse(value.text()) == value else {
      fatalError("a document does not read back from its own text")
    }
  }

  /// A whole file: the eight bytes of the header's size, the header, the elements.
  static let safetensors = FuzzTarget(
    name: "safetensors",
    words: [
      "__metadata__", "\"dtype\":\"F64\"", "\"shape\":[0]", "\"data_offsets\":[0,0]", "BOOL",
      "F8_E4M3",
      "U8", "[4194305,4194305,211106198978564]",
    ],
    repair: { bytes in
      // Mostly a size that fits, so that damage reaches the header.
      guard bytes.count > 9, bytes[8] == UInt8(ascii: "{"), bytes[bytes.count - 1] & 3 != 3,
        let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 8
      else { return bytes }
      let size = UInt64(end - 7)
      return (0..<8).map { UInt8(truncatingIfNeeded: size >> UInt64(8 * $0)) } + bytes[8...]
    }
  ) { bytes in
    try withFile(bytes, "model.safetensors") { url in
      let file = try SafetensorsFile(opening: url)
      var end = 0
      for entry in file.entries {
        let tensor = try file.tensor(entry.name)
        guard tensor.byteCount == entry.byteRange.count, entry.byteRange.upperBound >= end,
          entry.byteRange.upperBound <= bytes.count
        else { fatalError("a tensor reaches outside its bytes") }
        end = entry.byteRange.upperBound
      }
    }
  }

  static let index = FuzzTarget(
    name: "index", words: ["weight_map", "metadata", "total_size", "../", "model.safetensors"]
  ) { bytes in
    let index = try ShardIndex(json: bytes)
    guard index.shardNames.allSatisfy({ !$0.contains("/") && $0.hasSuffix(".safetensors") }) else {
      fatalError("an index names a file in another folder")
    }
  }

  /// A model's config.json, quantized or not.
  static let configuration = FuzzTarget(
    name: "configuration", takesModels: true,
    words: [
      "longrope", "dynamic", "head_dim", "no_rope_layers", "sliding_window_pattern",
      "n_routed_experts", "num_local_experts", "decoder_sparse_step", "mlp_only_layers",
      "first_k_dense_replace", "kv_cache_scheme", "model_type", "text_config", "extra_config",
      "dynamic", "packing_format", "checkpoint_format", "desc_act", "zero_point", "gptq", "awq",
      "auto-round",
    ]
  ) { bytes in
    let value = try JSONValue.parse(bytes)
    let description = try Architectures.describe(JSONReader(value))
    let modules = description.modules
    guard modules.allSatisfy({ $0.shape.allSatisfy { $0 > 0 } }) else {
      fatalError("a module without elements")
    }
    guard let fields = try JSONReader(value).optional("quantization_config"),
      let family = CheckpointFamilies.known(fields.value)
    else { return }
    let stored = try family.storedSchemes(fields, tensors: [])
    _ = try stored.schemes(of: modules)
    if family.name == CheckpointFamilies.usual.name {
      _ = try CompressedTensorsConfiguration(fields: fields).json.text()
    }
  }

  /// tokenizer.json; whatever is accepted must work on any text.
  static let tokenizer = FuzzTarget(
    name: "tokenizer",
    words: [
      "Sequence", "ByteLevel", "Metaspace", "Split", "Replace", "Prepend", "NFC", "NFKC", "Strip",
      "Precompiled", "TemplateProcessing", "Digits", "Punctuation", "BertPreTokenizer",
      "ByteFallback",
      "byte_fallback", "ignore_merges", "Regex", "(?i:'s)|\\\\p{L}+", "Unigram", "Fuse",
      "Lowercase",
    ]
  ) { bytes in
    let tokenizer = try Tokenizer(bytes)
    for text in [
      "", "ababx c??<s> \u{e9}e\u{301}\u{4e2d}\u{1F600}\r\n  \u{2581}", "It's 1234 parseXML",
    ] {
      let ids = (try? tokenizer.encode(text, addingSpecialTokens: true)) ?? []
      _ = tokenizer.decode(ids, skippingSpecialTokens: false)
    }
    _ = tokenizer.decode([-1, 0, 5, .max], skippingSpecialTokens: true)
  }

  /// tokenizer_config.json.
  static let tokenizerSettings = FuzzTarget(
    name: "tokenizer-settings",
    words: ["bos_token", "eos_token", "pad_token", "unk_token", "content"]
  ) { bytes in
    try withFile(bytes, "tokenizer_config.json") { url in
      let folder = url.deletingLastPathComponent()
      let tokenizer = folder.appending(path: "tokenizer.json")
      if !FileManager.default.fileExists(atPath: tokenizer.path) {
        try Data(#"{"model":{"type":"BPE","vocab":{"a":0,"<s>":1},"merges":[]}}"#.utf8).write(
          to: tokenizer)
      }
      _ = try Tokenizer(folder: folder).endOfText
    }
  }

  /// A recipe in YAML, or in the front matter of a document, as far as a run would take it.
  static let recipe = FuzzTarget(
    name: "recipe", isJSON: false,
    words: [
      "AutoRoundModifier", "config_groups", "weights", "num_bits", "group_size", "strategy",
      "targets",
      "scheme", "ignore", "iters", "lr", "input_activations", "kv_cache_scheme", "W4A16", "&a",
      "*a", "<<",
      "!!int", "|", ">", "---", "...", "? ", "%YAML 1.1", "re:.*", "re:(a+)+$", "\t", "\u{2028}",
      "{", "[",
    ]
  ) { bytes in
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let recipe = try Recipe(text.hasPrefix("---") ? Recipe.frontMatter(of: text) : text)
    let options = try ResolvedOptions(
      overrides: OptionOverrides(), recipe: recipe.autoRoundOptions(), preset: .default)
    let again = try Recipe(recipe.yaml)
    guard again.stages == recipe.stages else {
      fatalError("a recipe does not read back from its text")
    }
    _ = options.schemeSummary
    _ = try SchemeResolution.resolve(
      groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
      modules: recipeModules)
  }

  private static let recipeModules =
    [ModuleDescription(name: "lm_head", shape: [32, 32])]
    + ["self_attn.q_proj", "mlp.down_proj", String(repeating: "a", count: 40)].map {
      ModuleDescription(name: "model.layers.0.\($0)", shape: [32, 32])
    }

  /// Calibration records, one JSON object on a line.
  static let records = FuzzTarget(name: "records", words: ["input_ids", "text", "messages", "\n"]) {
    try readSamples($0, "records.jsonl")
  }

  /// Calibration text.
  static let text = FuzzTarget(name: "text", isJSON: false, words: ["\u{FEFF}", "\r\n", "\0"]) {
    try readSamples($0, "text.txt")
  }

  /// The journal of an unfinished run.
  static let journal = FuzzTarget(
    name: "journal",
    words: ["run", "block", "report", "tensors", "warnings", "streams", "original", "digest"],
    repair: { bytes in
      // Damage that its checksum gives away is tried as well, but seldom.
      bytes.count % 16 == 0 ? bytes : Journal.withChecksums(bytes)
    }
  ) { bytes in
    let (records, byteCount) = try Journal.parse(bytes, "journal")
    guard byteCount <= bytes.count else { fatalError("a journal longer than itself") }
    _ = try RunRecords(records)
  }

  private static func readSamples(_ bytes: [UInt8], _ name: String) throws {
    let coding = TextCoding(
      encode: { $0.utf8.map(Int.init) },
      decode: { String(decoding: $0.map { UInt8($0 & 255) }, as: UTF8.self) })
    try withFile(bytes, name) { url in
      let data = try CalibrationData(
        CalibrationSource(file: url), coding: coding, sampleCount: 4, sequenceLength: 4,
        vocabularySize: 256)
      guard data.samples.allSatisfy({ $0.count == 4 && $0.allSatisfy { (0..<256).contains($0) } })
      else {
        fatalError("a sample that the model cannot read")
      }
    }
  }

  /// Calls `body` with a file of these bytes, in memory where the system has a file system there.
  private static func withFile(_ bytes: [UInt8], _ name: String, _ body: (URL) throws -> Void)
    throws
  {
    let url = scratch.appending(path: name)
    write(bytes, to: url)
    try body(url)
  }

  /// Writes a file, or ends the process.
  static func write(_ bytes: [UInt8], to url: URL) {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0, Foundation.write(descriptor, bytes, bytes.count) == bytes.count else {
      fatalError("\(url.path) cannot be written")
    }
    close(descriptor)
  }

  /// A folder of this process.
  static let scratch: URL = {
    let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
    let folder = URL(filePath: root).appending(path: "autoround-fuzz-\(getpid())")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }()
}
