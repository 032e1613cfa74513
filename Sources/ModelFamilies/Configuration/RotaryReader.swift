import Diagnostics
import Foundation
import JSONText
import LanguageModels
import Recordings

/// Reads the rotary embedding of a configuration in either spelling: `rope_theta`, `rope_scaling` and
/// `partial_rotary_factor` at the top level, or everything inside `rope_parameters`, which may have an object for
/// each type of layer. Inside values come first, then the top level, then the family's defaults.
struct RotaryReader {
  let configuration: JSONReader
  /// Channels of a head.
  var channels: Int
  var positionLimit: Int
  var base = 10_000.0
  /// The share of the channels that is rotated.
  var fraction = 1.0
  /// Which layers are asked about, where the configuration tells types of layers apart.
  var layerType: String?
  var baseKey = "rope_theta"
  var fractionKey = "partial_rotary_factor"
  /// The kind where none is named.
  var kind = "default"
  /// Kinds that the family means by other kinds' names.
  var aliases: [String: String] = [:]
  /// Whether a `rope_scaling` at the top level is not meant for these layers.
  var ignoresTopLevelScaling = false
  var pairing = RotaryEmbedding.Pairing.halves
  /// The object of a configuration that has none.
  var absent: JSONValue?

  init(_ configuration: DecoderConfiguration) {
    self.configuration = configuration.reader
    channels = configuration.headSize
    positionLimit = configuration.positionLimit
  }

  /// The same for layers with a window, which a `rope_scaling` at the top level is not meant for.
  var ofSlidingLayers: RotaryReader {
    var reader = self
    (reader.layerType, reader.ignoresTopLevelScaling) = ("sliding_attention", true)
    return reader
  }

  func settings() throws -> RotarySettings {
    var settings = try read()
    settings.pairing = pairing
    let numbers =
      settings.inverseFrequencies + (settings.longRange?.inverseFrequencies ?? [])
      + [settings.factor]
    guard numbers.allSatisfy(\.isFinite) else {
      throw InputError(
        .invalidValue, place: try inner()?.path ?? baseKey,
        "gives angles that are infinite or not a number")
    }
    return settings
  }

  private func read() throws -> RotarySettings {
    let inner = try inner()
    let baseReader = try inner?.optional("rope_theta") ?? configuration.optional(baseKey)
    let base = try baseReader?.positive() ?? base
    let kindReader = try inner?.optional("rope_type") ?? inner?.optional("type")
    let name = try kindReader?.string() ?? kind
    let kind = aliases[name] ?? name
    let fractionReader =
      try inner?.optional("partial_rotary_factor") ?? configuration.optional(fractionKey)
    let fraction = try fractionReader?.positive() ?? fraction
    guard fraction <= 1 else {
      throw fractionReader?.mismatch("a number above 0, up to 1")
        ?? configuration.mismatch("a rotary fraction up to 1")
    }
    if kind == "proportional" { return proportional(base: base, fraction: fraction) }
    let rotated = Int((Double(channels) * fraction).rounded(.down))
    guard rotated >= 2, rotated.isMultiple(of: 2) else {
      throw InputError(
        .unsupported, place: fractionReader?.path ?? fractionKey,
        "\(rotated) of \(channels) channels are rotated; expected an even number above 0")
    }
    return try settings(kind, kindReader, inner, base: base, rotated: rotated)
  }

  /// The object that belongs to the layers, if there is one.
  func inner() throws -> JSONReader? {
    guard let parameters = try configuration.optional("rope_parameters") else {
      guard !ignoresTopLevelScaling else { return nil }
      return try configuration.optional("rope_scaling") ?? absent.map { JSONReader($0) }
    }
    guard let layerType, let own = try parameters.optional(layerType) else { return parameters }
    return own
  }

  private func settings(
    _ kind: String, _ kindReader: JSONReader?, _ inner: JSONReader?, base: Double, rotated: Int
  ) throws -> RotarySettings {
    let inner = inner ?? JSONReader([:])
    var base = base
    func frequencies() -> [Double] {
      (0..<rotated / 2).map { pow(base, -2 * Double($0) / Double(rotated)) }
    }
    switch kind {
    case "default", "mrope":
      return RotarySettings(inverseFrequencies: frequencies())
    case "dynamic":
      // Without `alpha` only sequences longer than the model's positions differ, which no run has.
      if let alpha = try inner.optional("alpha")?.positive() {
        base *= pow(alpha, Double(rotated) / Double(rotated - 2))
      }
      return RotarySettings(inverseFrequencies: frequencies())
    case "linear":
      let factor = try inner.required("factor").positive()
      return RotarySettings(inverseFrequencies: frequencies().map { $0 / factor })
    case "llama3":
      return RotarySettings(inverseFrequencies: try llama3(frequencies(), inner))
    case "yarn": return try yarn(frequencies(), inner, base: base)
    case "longrope", "su": return try longRope(frequencies(), inner)
    default:
      throw InputError(
        .unsupported, place: kindReader?.path,
        "the rotary type \(quoted(kind)) is not supported; supported are default, dynamic, linear, llama3, "
          + "longrope, proportional, yarn")
    }
  }

  /// The share of pairs from the first on turns, with frequencies that are spread over all of them.
  private func proportional(base: Double, fraction: Double) -> RotarySettings {
    let turning = Int((fraction * Double(channels) / 2).rounded(.down))
    return RotarySettings(
      inverseFrequencies: (0..<channels / 2).map {
        $0 < turning ? pow(base, -2 * Double($0) / Double(channels)) : 0
      })
  }

  /// Positions that the model was first trained for.
  private func originalPositions(_ inner: JSONReader) throws -> Double {
    let key = "original_max_position_embeddings"
    let reader = try inner.optional(key) ?? configuration.optional(key)
    return try reader?.positive() ?? Double(positionLimit)
  }

  /// Long wavelengths are divided by the factor, short ones kept, and those in between blended.
  private func llama3(_ frequencies: [Double], _ inner: JSONReader) throws -> [Double] {
    let factor = try inner.required("factor").positive()
    let low = try inner.required("low_freq_factor").positive()
    let high = try inner.required("high_freq_factor").positive()
    let original = try originalPositions(inner)
    guard high > low else {
      throw InputError(
        .invalidValue, place: inner.path,
        "high_freq_factor is \(high), expected more than low_freq_factor, which is \(low)")
    }
    return frequencies.map { frequency in
      let wavelength = 2 * Double.pi / frequency
      if wavelength < original / high { return frequency }
      if wavelength > original / low { return frequency / factor }
      let blend = (original / wavelength - low) / (high - low)
      return (1 - blend) * frequency / factor + blend * frequency
    }
  }

  /// YaRN (arXiv 2309.00071): between two numbers of rotations over the original positions, frequencies go from
  /// kept to divided.
  private func yarn(
    _ frequencies: [Double], _ inner: JSONReader, base: Double
  ) throws -> RotarySettings {
    let original = try originalPositions(inner)
    let factor =
      try inner.optional("factor")?.positive() ?? Double(positionLimit) / original
    let rotated = Double(2 * frequencies.count)
    func pair(_ rotations: Double) -> Double {
      rotated * log(original / (2 * Double.pi * rotations)) / (2 * log(base))
    }
    var low = pair(try inner.optional("beta_fast")?.positive() ?? 32)
    var high = pair(try inner.optional("beta_slow")?.positive() ?? 1)
    if try inner.bool("truncate", default: true) {
      low.round(.down)
      high.round(.up)
    }
    low = max(low, 0)
    high = min(high, rotated - 1)
    if low == high { high += 0.001 }
    var settings = RotarySettings(
      inverseFrequencies: frequencies.enumerated().map { k, frequency in
        let share = min(max((Double(k) - low) / (high - low), 0), 1)
        return share * frequency / factor + (1 - share) * frequency
      })
    settings.factor = try Self.attentionFactor(inner, factor: factor)
    return settings
  }

  /// `0.1 u ln(factor) + 1`, what YaRN multiplies cosines and sines with.
  static func magnitude(_ u: Double, factor: Double) -> Double {
    factor > 1 ? 0.1 * u * log(factor) + 1 : 1
  }

  private static func attentionFactor(_ inner: JSONReader, factor: Double) throws -> Double {
    if let given = try inner.optional("attention_factor")?.positive() { return given }
    let (own, all) = (
      try inner.number("mscale", default: 0), try inner.number("mscale_all_dim", default: 0)
    )
    return own != 0 && all != 0
      ? magnitude(own, factor: factor) / magnitude(all, factor: factor)
      : magnitude(1, factor: factor)
  }

  /// A divisor for each frequency, of which there are two lists.
  private func longRope(_ frequencies: [Double], _ inner: JSONReader) throws -> RotarySettings {
    // Phi-3 has the original positions at the top level, which come first.
    let key = "original_max_position_embeddings"
    let reader = try configuration.optional(key) ?? inner.optional(key)
    let original = try reader?.int(in: 1...1 << 30) ?? positionLimit
    func divided(_ key: String) throws -> [Double] {
      let list = try inner.required(key)
      let divisors = try list.elements().map { try $0.positive() }
      guard divisors.count == frequencies.count else {
        throw list.mismatch("\(frequencies.count) numbers, one for each pair of channels")
      }
      return zip(frequencies, divisors).map { $0 / $1 }
    }
    var settings = RotarySettings(inverseFrequencies: try divided("short_factor"))
    settings.longRange = .init(after: original, inverseFrequencies: try divided("long_factor"))
    let factor =
      try inner.optional("factor")?.positive() ?? Double(positionLimit) / Double(original)
    settings.factor =
      try inner.optional("attention_factor")?.positive()
      ?? (factor > 1 ? (1 + log(factor) / log(Double(original))).squareRoot() : 1)
    return settings
  }
}
