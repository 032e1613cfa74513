package import Compute
import Diagnostics
import Foundation
package import JSONText

/// The rotary position embedding as a configuration describes it.
package struct RotarySettings: Hashable, Sendable {
  /// Radians for each position, one for each pair of channels.
  package var inverseFrequencies: [Double]
  /// Factor on cosines and sines.
  package var factor: Double

  /// A table of angles for positions `0 ..< positions`.
  package func table(positions: Int) -> RotaryTable {
    RotaryTable(inverseFrequencies: inverseFrequencies, factor: factor, positions: positions)
  }

  /// Reads either spelling: `rope_theta` and `rope_scaling` at the top level, or everything inside
  /// `rope_parameters`. Inside values come first, then the top level, then `defaultBase`.
  package init(
    _ configuration: JSONReader, headSize: Int, defaultBase: Double, positionLimit: Int
  ) throws {
    let inner =
      try configuration.optional("rope_parameters") ?? configuration.optional("rope_scaling")
    let baseReader = try inner?.optional("rope_theta") ?? configuration.optional("rope_theta")
    let base = try baseReader?.positive() ?? defaultBase
    let frequencies = (0..<headSize / 2).map { pow(base, -2 * Double($0) / Double(headSize)) }
    let typeReader = try inner?.optional("rope_type") ?? inner?.optional("type")
    let type = try typeReader?.string() ?? "default"

    switch (type, inner) {
    case ("default", _):
      inverseFrequencies = frequencies
    case ("linear", let inner?):
      let factor = try inner.required("factor").positive()
      inverseFrequencies = frequencies.map { $0 / factor }
    case ("llama3", let inner?):
      inverseFrequencies = try Self.llama3(
        frequencies, inner, configuration, positionLimit: positionLimit)
    default:
      throw InputError(
        .unsupported, place: typeReader?.path,
        "the rotary type \(quoted(type)) is not supported; supported are default, linear, llama3")
    }
    factor = 1
  }

  /// Long wavelengths are divided by the factor, short ones kept, and those in between blended.
  private static func llama3(
    _ frequencies: [Double], _ inner: JSONReader, _ configuration: JSONReader, positionLimit: Int
  ) throws -> [Double] {
    let factor = try inner.required("factor").positive()
    let low = try inner.required("low_freq_factor").positive()
    let high = try inner.required("high_freq_factor").positive()
    let key = "original_max_position_embeddings"
    let reader = try inner.optional(key) ?? configuration.optional(key)
    let original = try reader?.positive() ?? Double(positionLimit)
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
}

extension JSONReader {
  /// The value as a finite number above zero.
  func positive() throws -> Double {
    let value = try double()
    guard value > 0 else { throw mismatch("a number above 0") }
    return value
  }
}
