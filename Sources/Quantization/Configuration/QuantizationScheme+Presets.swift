public import Diagnostics

extension QuantizationScheme {
  /// The names of the schemes that can be named, tuned and written: `W4A16` is 4-bit symmetric
  /// integers in groups of 128 columns, `W4A16_ASYM` the same with zero points.
  public static let supportedPresets: [String] =
    (2...8).map { "W\($0)A16" } + (2...8).map { "W\($0)A16_ASYM" }

  /// Names that other tools know for schemes that this package does not have yet.
  private static let knownPresets: [String] =
    (2...4).map { "W\($0)A4" } + (2...8).map { "W\($0)A8" } + [
      "INT8", "INT4", "W4AFP8", "FP8", "FP8_DYNAMIC", "FP8_BLOCK", "NVFP4", "NVFP4A16", "MXFP4",
      "MXFP4A16", "MXFP8", "MXFP8A16", "UNQUANTIZED",
    ]

  /// The scheme of a preset's name, case apart.
  ///
  /// - Throws: `unsupported` for presets of other tools, `invalidValue` for unknown names.
  public static func preset(
    named name: String, targets: [String] = ["Linear"]
  ) throws(InputError) -> QuantizationScheme {
    let upper = name.uppercased()
    let supported = supportedPresets.joined(separator: ", ")
    guard let index = supportedPresets.firstIndex(of: upper) else {
      if knownPresets.contains(upper) {
        throw InputError(
          .unsupported, "the scheme \(upper) is not supported yet; supported are \(supported)")
      }
      let nearest = NearestName.suggestion(for: upper, among: supportedPresets)
      throw InputError(
        .invalidValue,
        "unknown scheme '\(name)'; \(nearest.map { "did you mean \($0)? " } ?? "")"
          + "supported are \(supported)")
    }
    let arguments = QuantizationArguments(
      numBits: 2 + index % 7, isSymmetric: index < 7, strategy: .group, groupSize: 128)
    return QuantizationScheme(targets: targets, weights: arguments)
  }
}
