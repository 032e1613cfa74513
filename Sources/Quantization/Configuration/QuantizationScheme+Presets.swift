public import Diagnostics
import Tensors

extension QuantizationScheme {
  /// The names of the schemes that can be named, tuned and written.
  ///
  /// `W4A16` is 4-bit symmetric integers in groups of 128 columns, `W4A16_ASYM` the same with zero
  /// points, `W4A8` the same with 8-bit integers as activations. `W8A8`, or `INT8`, has a scale for each
  /// row. The others are floats: `FP8` and its kin of 8 bits, `MXFP4`, `MXFP8` and `NVFP4` in small
  /// groups; `A16` at the end leaves activations as they are. `UNQUANTIZED` leaves layers as they are.
  public static let supportedPresets: [String] = presets.map(\.name)

  /// The names of the same integers in smaller groups, `W4A16G64` or `W4A16G32_ASYM`: presets like any others.
  public static let smallGroupPresets: [String] = presetsOfSmallGroups.map(\.name)

  /// Names that other tools know for schemes that this package does not have.
  private static let knownPresets = ["INT4"]

  /// What auto-round calls schemes that have another name here.
  private static let otherNames = ["FP8_STATIC": "FP8", "INT8_W8A8": "W8A8", "BF16": "UNQUANTIZED"]

  /// The scheme of a preset's name, case apart.
  ///
  /// - Throws: `unsupported` for presets of other tools, `invalidValue` for unknown names.
  public static func preset(
    named name: String, targets: [String] = ["Linear"]
  ) throws(InputError) -> QuantizationScheme {
    let upper = name.uppercased()
    if let preset = (presets + presetsOfSmallGroups).first(where: { $0.name == upper }) {
      return QuantizationScheme(
        targets: targets, weights: preset.weights, inputActivations: preset.activations)
    }
    if let blocks = try blockPreset(named: upper, targets: targets) { return blocks }
    let supported = "supported are \(presetSummary); \(smallGroupSummary)"
    if knownPresets.contains(upper) {
      throw InputError(.unsupported, "the scheme \(upper) is not supported; \(supported)")
    }
    let nearest =
      otherNames[upper]
      ?? NearestName.suggestion(for: upper, among: supportedPresets + smallGroupPresets)
    throw InputError(
      .invalidValue,
      "unknown scheme \(quoted(name)); \(nearest.map { "did you mean \($0)?" } ?? supported)")
  }

  /// The names of ``supportedPresets`` in short.
  package static let presetSummary = inShort(supportedPresets)

  /// Names of presets in short: `W2A16 to W8A16` for neighbours that differ in nothing but the bits of weights.
  package static func inShort(_ names: [String]) -> String {
    var runs: [(first: String, last: String)] = []
    func parts(_ name: String) -> (bitCount: Int, rest: Substring)? {
      guard name.first == "W", let bitCount = name.dropFirst().first?.wholeNumberValue else {
        return nil
      }
      return (bitCount, name.dropFirst(2))
    }
    for name in names {
      if let last = runs.last?.last, let a = parts(last), let b = parts(name), a.rest == b.rest,
        a.bitCount + 1 == b.bitCount
      {
        runs[runs.count - 1].last = name
      } else {
        runs.append((name, name))
      }
    }
    return runs.map { $0 == $1 ? $0 : "\($0) to \($1)" }.joined(separator: ", ")
  }

  /// The names of ``smallGroupPresets`` in short.
  package static let smallGroupSummary =
    "G64 or G32 after A16 of integers is the size of groups: W4A16G64"

  /// What a preset of integers in groups is called with groups of another size: `W4A16G64`, `W3A16G48_ASYM`.
  ///
  /// - Parameter size: Weights of a group; -1 for a whole row.
  package static func name(_ preset: String, withGroupsOf size: Int) -> String {
    guard size != -1 else { return preset + "_CHANNEL" }
    let parts = preset.split(separator: "_", maxSplits: 1)
    let isSaid = size == usualGroupSize || parts[0].uppercased().contains("G")
    let group = isSaid ? "" : "G\(size)"
    return ([parts[0] + group] + parts.dropFirst()).joined(separator: "_")
  }

  /// Weights of a group in presets that say nothing else.
  private static let usualGroupSize = 128

  /// Presets of integers with inputs as they are, in smaller groups. auto-round has the symmetric ones by these names.
  private static let presetsOfSmallGroups: [Preset] = [64, 32].flatMap { size in
    presets.compactMap { preset in
      guard preset.activations == nil, var weights = preset.weights, weights.type == .int,
        weights.strategy == .group
      else { return nil }
      weights.groupSize = size
      return Preset(name: name(preset.name, withGroupsOf: size), weights: weights)
    }
  }

  private struct Preset: Sendable {
    var name: String
    var weights: QuantizationArguments?
    var activations: QuantizationArguments?
  }

  /// The table of presets.
  private static let presets: [Preset] = {
    typealias Arguments = QuantizationArguments
    func groups(_ bitCount: Int, isSymmetric: Bool = true) -> Arguments {
      Arguments(
        bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: usualGroupSize)
    }
    func integerTokens(_ bitCount: Int) -> Arguments {
      Arguments(bitCount: bitCount, strategy: .token, dynamic: .all)
    }
    func fp8(_ strategy: Arguments.Strategy, block: [Int]? = nil) -> Arguments {
      Arguments(bitCount: 8, type: .float, strategy: strategy, blockStructure: block)
    }
    let fp8Tokens = Arguments(bitCount: 8, type: .float, strategy: .token, dynamic: .all)
    let fp8Groups = Arguments(
      bitCount: 8, type: .float, strategy: .group, groupSize: 128, dynamic: .all)
    func mx(_ bitCount: Int, _ dynamic: Arguments.Dynamic = .none) -> Arguments {
      Arguments(
        bitCount: bitCount, type: .float, strategy: .group, groupSize: 32, dynamic: dynamic,
        scaleDType: .uint8)
    }
    func nv(_ dynamic: Arguments.Dynamic = .none) -> Arguments {
      Arguments(
        bitCount: 4, type: .float, strategy: .tensorGroup, groupSize: 16, dynamic: dynamic,
        scaleDType: .float8E4M3)
    }
    let rows = Arguments(bitCount: 8, strategy: .channel)
    return (2...8).map { Preset(name: "W\($0)A16", weights: groups($0)) }
      + (2...8).map { Preset(name: "W\($0)A16_ASYM", weights: groups($0, isSymmetric: false)) }
      + (2...7).map {
        Preset(name: "W\($0)A8", weights: groups($0), activations: integerTokens(8))
      }
      + (2...4).map {
        Preset(name: "W\($0)A4", weights: groups($0), activations: integerTokens(4))
      } + [
        Preset(name: "W8A8", weights: rows, activations: integerTokens(8)),
        Preset(name: "INT8", weights: rows, activations: integerTokens(8)),
        Preset(name: "W4AFP8", weights: groups(4), activations: fp8Tokens),
        Preset(name: "FP8", weights: fp8(.tensor), activations: fp8(.tensor)),
        Preset(name: "FP8_DYNAMIC", weights: fp8(.channel), activations: fp8Tokens),
        Preset(
          name: "FP8_BLOCK", weights: fp8(.block, block: [128, 128]), activations: fp8Groups),
        Preset(name: "MXFP4", weights: mx(4), activations: mx(4, .all)),
        Preset(name: "MXFP4A16", weights: mx(4)),
        Preset(name: "MXFP8", weights: mx(8), activations: mx(8, .all)),
        Preset(name: "MXFP8A16", weights: mx(8)),
        Preset(name: "NVFP4", weights: nv(), activations: nv(.local)),
        Preset(name: "NVFP4A16", weights: nv()),
        Preset(name: "UNQUANTIZED"),
      ]
  }()
}
