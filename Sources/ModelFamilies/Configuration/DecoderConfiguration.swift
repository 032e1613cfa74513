import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// What the configurations of nearly all families say, under whatever names.
struct DecoderConfiguration {
  let reader: JSONReader
  let hiddenSize: Int
  let blockCount: Int
  let headCount: Int
  let keyValueHeadCount: Int
  let headSize: Int
  let vocabularySize: Int
  let positionLimit: Int
  let epsilon: Float
  let isTied: Bool
  /// The function of the feed-forward layers.
  let function: ElementFunction

  /// What a family means by an absent key, and how it spells keys that others call otherwise.
  struct Defaults {
    /// Nil: as many as there are query heads.
    var keyValueHeadCount: Int? = nil
    /// Nil: the hidden size over the number of heads.
    var headSize: Int? = nil
    /// Nil: the key is required.
    var blockCount: Int? = nil
    var positionLimit = 2048
    var epsilon = 1e-6
    var isTied = false
    var function = "silu"
    var hiddenSizeKey = "hidden_size"
    var blockCountKey = "num_hidden_layers"
    var headCountKey = "num_attention_heads"
    /// Nil: the family has no such key.
    var keyValueHeadCountKey: String? = "num_key_value_heads"
    /// Nil: the family has no such key.
    var headSizeKey: String? = "head_dim"
    var positionLimitKey = "max_position_embeddings"
    /// Nil: the family has no such key.
    var epsilonKey: String? = "rms_norm_eps"
    var functionKey = "hidden_act"
  }

  init(_ reader: JSONReader, _ defaults: Defaults = Defaults()) throws {
    self.reader = reader
    hiddenSize = try reader.size(defaults.hiddenSizeKey)
    if let count = defaults.blockCount, reader.value[defaults.blockCountKey] == nil {
      blockCount = count
    } else {
      blockCount = try reader.required(defaults.blockCountKey).int(in: 1...10_000)
    }
    headCount = try reader.required(defaults.headCountKey).int(in: 1...4096)
    let given = defaults.keyValueHeadCountKey.flatMap { reader.value[$0] }
    if let key = defaults.keyValueHeadCountKey, let given, !given.isNull {
      keyValueHeadCount = try reader.size(key)
    } else {
      keyValueHeadCount = given == nil ? defaults.keyValueHeadCount ?? headCount : headCount
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw InputError(
        .invalidValue, place: defaults.keyValueHeadCountKey,
        "found \(keyValueHeadCount), expected a divisor of \(defaults.headCountKey), which is \(headCount)"
      )
    }
    headSize = try Self.headSize(reader, defaults, hiddenSize: hiddenSize, headCount: headCount)
    vocabularySize = try reader.size("vocab_size")
    positionLimit =
      try reader.optional(defaults.positionLimitKey)?.int(in: 1...1 << 30)
      ?? defaults.positionLimit
    epsilon = Float(
      try defaults.epsilonKey.flatMap(reader.optional)?.positive() ?? defaults.epsilon)
    isTied = try reader.bool("tie_word_embeddings", default: defaults.isTied)
    function = try reader.function(defaults.functionKey, default: defaults.function)
    // The reference refuses such lists of any family, also where it does not read them.
    for key in ["layer_types", "mlp_layer_types"] {
      guard let list = try reader.optional(key), try list.elements().count != blockCount else {
        continue
      }
      throw list.mismatch("\(blockCount) types, one for each block")
    }
  }

  private static func headSize(
    _ reader: JSONReader, _ defaults: Defaults, hiddenSize: Int, headCount: Int
  ) throws -> Int {
    let size: Int
    let given = defaults.headSizeKey.flatMap { reader.value[$0] }
    if let key = defaults.headSizeKey, let reader = try reader.optional(key) {
      size = try reader.int(in: 2...1024)
    } else if let headSize = defaults.headSize, given == nil {
      size = headSize
    } else {
      guard hiddenSize % headCount == 0 else {
        throw InputError(
          .invalidValue, place: defaults.headCountKey,
          "found \(headCount), expected a divisor of \(defaults.hiddenSizeKey), which is \(hiddenSize), as there is no head_dim"
        )
      }
      size = hiddenSize / headCount
    }
    guard size % 2 == 0, size <= 1024 else {
      throw InputError(
        .unsupported, place: "head_dim", "found \(size), expected an even number up to 1024")
    }
    return size
  }

  /// Heads with the usual scale, unless another is given.
  func attentionShape(
    scale: Float? = nil, visible: AttentionShape.VisibleKeys = .all
  ) -> AttentionShape {
    AttentionShape(
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: headSize,
      scale: scale ?? 1 / Float(headSize).squareRoot(), visible: visible)
  }
}

extension AttentionShape.VisibleKeys {
  /// A window, or all keys without one.
  init(window: Int?) { self = window.map { .window($0) } ?? .all }
}

extension JSONReader {
  /// A required size.
  func size(_ key: String) throws -> Int { try required(key).int(in: 1...1 << 24) }

  func bool(_ key: String, default value: Bool) throws -> Bool {
    try optional(key)?.bool() ?? value
  }

  /// A finite number; `value` where the key is absent or null.
  func number(_ key: String, default value: Double) throws -> Double {
    try optional(key)?.double() ?? value
  }

  /// The same as a number that f32 can hold.
  func float(_ key: String, default value: Double) throws -> Float {
    try optional(key)?.float() ?? Float(value)
  }

  /// The value as a finite number above zero.
  func positive() throws -> Double {
    let value = try double()
    guard value > 0 else { throw mismatch("a number above 0") }
    return value
  }

  /// A number that f32 can hold.
  func float() throws -> Float {
    let number = Float(try double())
    guard number.isFinite else { throw mismatch("a number that f32 can hold") }
    return number
  }

  /// A window or chunk of positions: `value` where the key is absent, nil where it is null.
  func window(_ key: String = "sliding_window", default value: Int? = nil) throws -> Int? {
    guard self.value[key] != nil else { return value }
    return try optional(key)?.int(in: 1...1 << 30)
  }

  /// A function of feed-forward layers by its name in configurations.
  func function(_ key: String, default value: String) throws -> ElementFunction {
    let name = try optional(key)?.string() ?? value
    guard let function = ElementFunction.named[name] else {
      let known = ElementFunction.named.keys.sorted().joined(separator: ", ")
      throw InputError(
        .unsupported, place: key,
        "the activation \(quoted(name)) is not supported; supported are \(known)")
    }
    return function
  }

  /// What mixes the tokens in each block, as a list says; nil without that list.
  ///
  /// - Parameter names: The names that the family knows.
  func layerTypes(
    _ key: String = "layer_types", count: Int, names: [String]
  ) throws -> [String]? {
    guard let list = try optional(key) else { return nil }
    let types = try list.elements()
    guard types.count == count else {
      throw list.mismatch("\(count) of them, one for each block")
    }
    return try types.map { type in
      let name = try type.string()
      guard names.contains(name) else {
        throw type.mismatch("one of \(names.joined(separator: ", "))")
      }
      return name
    }
  }

  /// Which blocks have no experts: as `mlp_layer_types` says, else so many at the beginning.
  func denseBlocks(count: Int, first: Int) throws -> [Bool] {
    let first = try optional("first_k_dense_replace")?.int(in: 0...1 << 24) ?? first
    return try layerTypes("mlp_layer_types", count: count, names: ["dense", "sparse"])?
      .map { $0 == "dense" } ?? (0..<count).map { $0 < first }
  }

  /// Which blocks have a sliding window: as `layer_types` says, else all but every n-th, by `sliding_window_pattern` or
  /// the family's number.
  func slidingBlocks(count: Int, fullEvery period: Int) throws -> [Bool] {
    let period = try optional("sliding_window_pattern")?.int(in: 1...10_000) ?? period
    return try slidingBlocks(count: count) { ($0 + 1) % period != 0 }
  }

  /// Which blocks have a sliding window: as `layer_types` says, else as `isSliding` does.
  func slidingBlocks(count: Int, else isSliding: (Int) -> Bool) throws -> [Bool] {
    try layerTypes(count: count, names: ["full_attention", "sliding_attention"])?
      .map { $0 == "sliding_attention" } ?? (0..<count).map(isSliding)
  }
}

extension ElementFunction {
  /// By the names that configurations have for them.
  fileprivate static let named: [String: ElementFunction] = [
    "silu": .silu, "swish": .silu, "relu": .relu, "relu2": .squaredReLU, "gelu": .gelu,
    "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh,
  ]
}
