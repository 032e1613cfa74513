public import Diagnostics
public import JSONText
import Tensors

extension QuantizationArguments {
  static let keys = [
    "actorder", "block_structure", "dynamic", "group_size", "num_bits", "observer",
    "observer_kwargs", "scale_dtype", "strategy", "symmetric", "type", "zp_dtype",
  ]

  /// Reads arguments from a configuration, with the defaults of compressed-tensors: 8-bit symmetric
  /// integers, and the strategy that the group size implies (none: tensor, positive: group, -1:
  /// channel).
  ///
  /// - Parameters:
  ///   - value: An object.
  ///   - path: Where it stands, for errors: `config_groups.group_0.weights`.
  /// - Throws: `InputError` whose place is the path of the key at fault.
  public init(_ value: JSONValue, path: String = "") throws(InputError) {
    try self.init(fields: JSONReader(value, path: path))
  }

  /// Reads arguments from a configuration, as ``init(_:path:)`` does.
  package init(fields: JSONReader) throws(InputError) {
    try fields.requireKeys(among: Self.keys)
    type = try fields.optional("type")?.choice(NumberType.self) ?? .int
    bitCount = try fields.optional("num_bits")?.int() ?? 8
    isSymmetric = try fields.optional("symmetric")?.bool() ?? true
    blockStructure = try fields.optional("block_structure").map(Self.blockStructure)
    dynamic = try fields.optional("dynamic").map(Self.dynamic) ?? .none
    activationOrder = try fields.optional("actorder")?.choice(ActivationOrdering.self)
    scaleDType = try fields.optional("scale_dtype").map(Self.dtype)
    zeroPointDType = try fields.optional("zp_dtype").map(Self.dtype)
    observer = try fields.optional("observer")?.string()
    observerArguments =
      try fields.optional("observer_kwargs")?.members().map {
        JSONValue.Member($0.key, $0.reader.value)
      } ?? []

    let size = try fields.optional("group_size")
    let named = try fields.optional("strategy")?.choice(Strategy.self)
    (strategy, groupSize) = try Self.strategy(named, size, hasBlocks: blockStructure != nil)
    try validate(at: fields)
  }

  /// The strategy and group size out of what was given of both.
  private static func strategy(
    _ named: Strategy?, _ size: JSONReader?, hasBlocks: Bool
  ) throws(InputError) -> (Strategy, Int?) {
    guard let size else { return (named ?? (hasBlocks ? .block : .tensor), nil) }
    let count = try size.int()
    guard count <= 1 << 31 else { throw size.mismatch("at most \(1 << 31) columns") }
    switch (named, count) {
    case (nil, -1), (.channel, -1):
      return (.channel, nil)
    case (nil, 1...):
      return (.group, count)
    case (.group, 1...), (.tensorGroup, 1...):
      return (named ?? .group, count)
    case (let named?, 1...), (let named?, -1):
      throw size.mismatch(
        "null, because the strategy is \(named.rawValue); sizes go with group and tensor_group")
    default:
      throw size.mismatch("a positive number of columns, or -1 for one group per row")
    }
  }

  /// Refuses combinations without a meaning.
  private func validate(at fields: JSONReader) throws(InputError) {
    func failure(_ key: String, _ message: String) -> InputError {
      InputError(
        .invalidValue, place: fields.path.isEmpty ? key : "\(fields.path).\(key)", message)
    }
    switch type {
    case .int where !(2...8).contains(bitCount):
      throw failure("num_bits", "found \(bitCount), expected 2 to 8 for integers")
    case .float where bitCount != 4 && bitCount != 8:
      throw failure("num_bits", "found \(bitCount), expected 4 or 8 for floats")
    case .float where !isSymmetric:
      throw failure("symmetric", "found false, expected true: floats have no zero point")
    default: break
    }
    switch strategy {
    case .group where groupSize == nil, .tensorGroup where groupSize == nil:
      throw failure("group_size", "is missing, which the strategy \(strategy.rawValue) needs")
    case .token where dynamic == .none:
      throw failure(
        "dynamic", "found false, expected true: scales of tokens are found as they come")
    case .block where blockStructure == nil:
      throw failure("block_structure", "is missing, which the strategy block needs")
    default: break
    }
    if strategy != .block, blockStructure != nil {
      throw failure("block_structure", "does not go with the strategy \(strategy.rawValue)")
    }
  }

  private static func blockStructure(_ reader: JSONReader) throws(InputError) -> [Int] {
    let sizes = try reader.elements()
    guard sizes.count == 2 else { throw reader.mismatch("two numbers, rows and columns") }
    return [try sizes[0].int(in: 1...1 << 31), try sizes[1].int(in: 1...1 << 31)]
  }

  private static func dynamic(_ reader: JSONReader) throws(InputError) -> Dynamic {
    switch reader.value {
    case .bool(let isDynamic): return isDynamic ? .all : .none
    case .string("local"): return .local
    default: throw reader.mismatch("true, false or \"local\"")
    }
  }

  private static func dtype(_ reader: JSONReader) throws(InputError) -> DType {
    var name = Substring(try reader.string())
    if name.hasPrefix("torch.") { name.removeFirst("torch.".count) }
    if let dtype = DType.torchNames.first(where: { $0.1 == name }) { return dtype.0 }
    throw reader.mismatch("one of \(DType.torchNames.map(\.1).joined(separator: ", "))")
  }

  private static func json(_ dtype: DType?) -> JSONValue {
    dtype.map { .string("torch.\($0.torchName)") } ?? .null
  }

  /// The arguments as compressed-tensors writes them: all keys, in alphabetical order.
  public var json: JSONValue {
    [
      "actorder": activationOrder.map { .string($0.rawValue) } ?? .null,
      "block_structure": blockStructure.map { .array($0.map { JSONValue($0) }) } ?? .null,
      "dynamic": dynamic == .local ? "local" : .bool(dynamic == .all),
      "group_size": groupSize.map { JSONValue($0) } ?? .null,
      "num_bits": JSONValue(bitCount),
      "observer": observer.map { .string($0) } ?? .null,
      "observer_kwargs": .object(observerArguments),
      "scale_dtype": Self.json(scaleDType),
      "strategy": .string(strategy.rawValue),
      "symmetric": .bool(isSymmetric),
      "type": .string(type.rawValue),
      "zp_dtype": Self.json(zeroPointDType),
    ]
  }
}

extension DType {
  /// Types of scales and zero points by their names in PyTorch.
  fileprivate static let torchNames: [(DType, String)] = [
    (.bfloat16, "bfloat16"), (.float16, "float16"), (.float32, "float32"),
    (.float8E4M3, "float8_e4m3fn"), (.uint8, "uint8"), (.int8, "int8"), (.int32, "int32"),
  ]

  /// The name in PyTorch of a type that scales or zero points can have.
  var torchName: String { Self.torchNames.first { $0.0 == self }?.1 ?? rawValue }
}
