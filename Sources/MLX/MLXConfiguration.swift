import Diagnostics
import JSONText
import Quantization

/// What a `quantization` says of modules: bits and groups for all, and others, or `false`, for some by their names.
struct MLXConfiguration {
  /// What is meant where nothing is said of a module.
  private let usual: QuantizationArguments
  /// By what mlx-lm calls modules; nil for those that stay as they are.
  private var entries: [String: QuantizationArguments?] = [:]
  private let path: String

  /// More entries than any model has modules.
  private static let entryLimit = 100_000

  /// What layers have whose entry does not say it.
  private static let defaults = (bitCount: 4, groupSize: 64)

  init(_ fields: JSONReader) throws(InputError) {
    path = fields.path
    usual = try Self.arguments(fields)
    let members = try fields.members()
    guard members.count <= Self.entryLimit else {
      throw InputError(
        .invalidValue, place: path,
        "has \(members.count) entries, expected at most \(Self.entryLimit)")
    }
    // Other values are of keys that are no names.
    for (name, reader) in members {
      if reader.value.objectValue != nil {
        entries[name] = try Self.arguments(reader)
      } else if let isQuantized = reader.value.boolValue {
        entries.updateValue(isQuantized ? usual : nil, forKey: name)
      }
    }
  }

  /// How a module that has scales is stored.
  func arguments(of module: String) throws(InputError) -> QuantizationArguments {
    guard let entry = entries[module] else { return usual }
    guard let entry else {
      throw InputError(
        .malformed, place: "\(path).\(module)", "is false, and the module has scales")
    }
    return entry
  }

  private static func arguments(_ fields: JSONReader) throws(InputError) -> QuantizationArguments {
    func number(
      _ key: String, among known: [Int], or missing: Int
    ) throws(InputError) -> Int {
      guard let reader = try fields.optional(key) else { return missing }
      let number = try reader.int()
      guard known.contains(number) else {
        throw InputError(
          .unsupported, place: reader.path,
          "found \(number), expected \(known.map(String.init).joined(separator: ", "))")
      }
      return number
    }
    if let mode = try fields.optional("mode"), try mode.string() != "affine" {
      throw InputError(
        .unsupported, place: mode.path,
        "found \(quoted(try mode.string())), expected \"affine\"; floats of MLX are not read")
    }
    // The middle is a zero point like any other.
    return QuantizationArguments(
      bitCount: try number("bits", among: MLX.bitCounts, or: defaults.bitCount),
      isSymmetric: false, strategy: .group,
      groupSize: try number("group_size", among: MLX.groupSizes, or: defaults.groupSize))
  }
}
