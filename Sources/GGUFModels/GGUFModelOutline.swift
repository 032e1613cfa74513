package import Checkpoints
package import Diagnostics
package import GGUF
package import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors

/// All that a model in GGUF consists of, before there is any data: metadata, and for each tensor its name, its shape, what
/// it is for and what it is made of. Types of tensors are chosen by whoever writes it.
package struct GGUFModelOutline: Sendable {
  /// The name of the architecture, which most keys begin with.
  package let architecture: String
  /// All keys but `general.file_type`, which follows from the types of the tensors.
  package private(set) var metadata = GGUFMetadata()
  package private(set) var tensors: [GGUFTensorOutline]
  /// Tensors of the source that are not in the file: what sees, what reads ahead, a head that the runtime does not have.
  package let leftOut: [String]
  /// What the runtime does otherwise than the model says.
  package let remarks: [String]
  /// What the choice of types asks.
  package let model: GGUFMix.Model

  /// - Parameters:
  ///   - configuration: That of the model in full precision.
  ///   - tensors: Its tensors. Layers in stacks may be tensors of their own already.
  ///   - name: What the model is called.
  ///   - tokenizer: Nil: the file gets none, and nothing can be generated with it.
  /// - Throws: `unsupported` for a model that llama.cpp, or this program, cannot say in this form.
  package init(
    of configuration: JSONValue, tensors: [TensorInfo], name: String, tokenizer: GGUFTokenizer?
  ) throws {
    let reader = JSONReader(configuration)
    var architecture = try GGUFArchitectures.architecture(reader)
    let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
    let model = try Architectures.describe(reader, shapes: shapes)
    let facts = try ModelFacts(reader, model)
    if facts.routing != nil, let other = architecture.withExperts {
      architecture = GGUFArchitectures.all.first { $0.name == other } ?? architecture
    }
    self.architecture = architecture.name
    remarks = try facts.requireFits(architecture)

    let rotary = try RotaryOutline(facts, architecture)
    let namer = try TensorNamer(facts, architecture)
    let named = try namer.outline(tensors)
    self.tensors = named.tensors
    leftOut = named.leftOut
    for factors in rotary.factors {
      self.tensors.append(
        GGUFTensorOutline(
          name: factors.name, shape: [factors.numbers.count], content: .numbers(factors.numbers)))
    }
    let hasOutput = self.tensors.contains { $0.name == "output.weight" }
    if architecture.needsHead, !hasOutput {
      throw InputError(
        .unsupported, place: "tie_word_embeddings",
        "llama.cpp reads models of the architecture \(architecture.name) with a head of their own only"
      )
    }
    self.model = GGUFMix.Model(
      architecture: architecture.name, blockCount: facts.blockCount,
      headCount: facts.shape?.headCount ?? 0,
      keyValueHeadCount: facts.shape?.keyValueHeadCount ?? 0,
      expertCount: facts.routing?.experts ?? 0, hasOutput: hasOutput)

    set("general.architecture", .string(architecture.name))
    set("general.type", .string("model"))
    set("general.name", .string(name))
    set(
      "general.size_label", .string(SizeLabel.label(self.tensors, experts: self.model.expertCount)))
    for (key, value) in try Self.metadata(of: facts, architecture, rotary) {
      set("\(architecture.name).\(key)", value)
    }
    set("general.quantization_version", .uint32(2))
    try tokenizer?.requireRows(model.vocabularySize)
    for (key, value) in tokenizer?.metadata ?? [] { set(key, value) }
  }

  private mutating func set(_ key: String, _ value: GGUFValue) { metadata[key] = value }

  /// The keys that begin with the architecture's name, without it.
  static func metadata(
    of facts: ModelFacts, _ architecture: GGUFArchitecture, _ rotary: RotaryOutline
  ) throws(InputError) -> [(key: String, value: GGUFValue)] {
    var result: [(key: String, value: GGUFValue)] = []
    func add(_ rules: [KeyRule]) throws(InputError) {
      for rule in rules {
        if let value = try rule.value(facts) { result.append((rule.key, value)) }
      }
    }
    try add(KeyRule.sizes)
    result += rotary.keys
    try add(KeyRule.parts)
    try add(architecture.keys)
    return result
  }

  /// Refuses a model of an architecture that llama.cpp does not have, by its `model_type`.
  package static func requireKnown(_ configuration: JSONValue) throws(InputError) {
    _ = try GGUFArchitectures.architecture(JSONReader(configuration))
  }

  /// The values of `model_type` whose models can be outlined.
  package static var modelTypes: [String] { GGUFArchitectures.modelTypes }
}
