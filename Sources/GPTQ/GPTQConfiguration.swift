import Diagnostics
import JSONText
import Quantization
import QuantizedCheckpoints

/// What a `quantization_config` says of layers: one scheme for all, and others for layers by name or pattern.
struct GPTQConfiguration {
  private(set) var schemes: StoredSchemes

  /// More entries than any model has kinds of layers.
  private static let entryLimit = 100_000

  init(_ fields: JSONReader, of method: GPTQ.Method) throws(InputError) {
    let usual = try Self.arguments(fields, method, besides: nil)
    guard let usual else {
      throw InputError(
        .unsupported, place: fields.path, "leaves all layers as they are; expected integers")
    }
    schemes = StoredSchemes(
      groups: [("quantization_config", .init(targets: ["Linear"], weights: usual))], ignore: [],
      keyValueScheme: nil, origin: .exceptions)
    try requireOwnOrder(fields)
    let key = method == .autoRound ? "extra_config" : "dynamic"
    guard method != .awq, let entries = try fields.optional(key) else { return }
    let members = try entries.members()
    guard members.count <= Self.entryLimit else {
      throw InputError(
        .invalidValue, place: entries.path,
        "has \(members.count) entries, expected at most \(Self.entryLimit)")
    }
    for (name, entry) in members {
      let (target, isKept) = Self.target(name, method)
      guard !isKept, let weights = try Self.arguments(entry, method, besides: usual) else {
        schemes.ignore.append(target)
        continue
      }
      schemes.groups.append((entry.path, .init(targets: [target], weights: weights)))
    }
  }

  /// The arguments of weights, where keys that are missing mean what they mean in `usual`; nil for weights as they are.
  private static func arguments(
    _ fields: JSONReader, _ method: GPTQ.Method, besides usual: QuantizationArguments?
  ) throws(InputError) -> QuantizationArguments? {
    func number(_ key: String, _ range: ClosedRange<Int>) throws(InputError) -> Int? {
      try fields.optional(key)?.int(in: range)
    }
    if let type = try fields.optional("data_type") {
      let name = try type.string()
      guard name == "int" else {
        if name == "float" || name == "fp" { return nil }
        throw InputError(.unsupported, place: type.path, "found \(quoted(name)), expected \"int\"")
      }
    }
    guard let bitCount = try number("bits", 1...32) ?? usual?.bitCount else {
      throw InputError(.missing, place: fields.path, "has no bits")
    }
    if bitCount >= 16 { return nil }
    let size = try number("group_size", -1...1 << 30)
    var isSymmetric = try fields.optional("sym")?.bool()
    // AWQ's own key says that there are zero points, which may all be the middle.
    if method == .awq, isSymmetric == nil, let reader = try fields.optional("zero_point") {
      isSymmetric = try !reader.bool()
    }
    var arguments =
      usual
      ?? QuantizationArguments(
        bitCount: bitCount, isSymmetric: method != .awq, strategy: .group, groupSize: 128)
    arguments.bitCount = bitCount
    if let isSymmetric { arguments.isSymmetric = isSymmetric }
    if let size {
      arguments.strategy = size > 0 ? .group : .channel
      arguments.groupSize = size > 0 ? size : nil
    }
    return arguments
  }

  /// Refuses groups of columns that do not lie side by side.
  private func requireOwnOrder(_ fields: JSONReader) throws(InputError) {
    guard let reader = try fields.optional("desc_act"), try reader.bool() else { return }
    throw InputError(
      .unsupported, place: reader.path,
      "found true, expected false: columns that are in groups in another order than their own are not read"
    )
  }

  /// What an entry is about, and whether it says that this stays as it is.
  ///
  /// GPTQModel marks patterns by `+:`, which may be left out, and by `-:` those that stay; auto-round has names, and
  /// patterns in place of them.
  private static func target(_ name: String, _ method: GPTQ.Method) -> (String, isKept: Bool) {
    if method == .gptq {
      let isMarked = name.hasPrefix("+:") || name.hasPrefix("-:")
      return ("re:" + (isMarked ? String(name.dropFirst(2)) : name), name.hasPrefix("-:"))
    }
    return (name.contains { "*+?[]()|^$\\".contains($0) } ? "re:" + name : name, false)
  }
}
