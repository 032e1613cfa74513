package import Diagnostics
package import Foundation
import GGUF
import GGUFModels
package import Quantization
package import Recipes
import Tensors
import WeightBlocks

/// The schemes of layers in files of llama.cpp.
extension [OutputFormat] {
  /// The name of the scheme that the first file among the formats stands for, `GGUF:Q4_K_M`; nil without one.
  package var impliedScheme: String? {
    first { $0.fileType != nil }?.fileType.map {
      QuantizationScheme.blockPrefix + $0.name.uppercased()
    }
  }

  /// The file that a scheme is called after; nil for other schemes.
  package static func file(
    impliedBy scheme: AutoRoundOptions.SchemeSelection?
  ) throws(InputError) -> OutputFormat? {
    guard case .preset(let name) = scheme,
      name.uppercased().hasPrefix(QuantizationScheme.blockPrefix)
    else { return nil }
    return try OutputFormat(named: name)
  }

  /// Gives the layers of a scheme that is called after a file the types that llama-quantize chooses for them, some with more bits than
  /// others. Scales are tuned in a type that the file holds.
  ///
  /// - Parameters:
  ///   - schemes: By layer.
  ///   - selection: The scheme that was asked for.
  ///   - folder: The source.
  /// - Returns: The schemes, what the user should know, and the source as it becomes a file, if one of the formats is such.
  /// - Throws: `unsupported` for a scheme that is called after another file than is written.
  package func fitted(
    _ schemes: [String: QuantizationScheme], to selection: AutoRoundOptions.SchemeSelection?,
    of folder: URL
  ) throws -> (schemes: [String: QuantizationScheme], remarks: [String], file: GGUFModelFile?) {
    let implied = try Self.file(impliedBy: selection)
    guard contains(where: { $0.fileType != nil }) else { return (schemes, [], nil) }
    if let implied, !contains(implied) {
      throw InputError(
        .unsupported, place: "scheme",
        "\(implied.name.uppercased()) goes with \(OptionName.format.with(implied.name))")
    }
    let file = try GGUFModelFile(opening: folder)
    let types = implied?.fileType.map(file.types)
    var schemes = schemes
    var kept: [String] = []
    for tensor in file.outline.tensors {
      let own = tensor.layers.filter { schemes[$0]?.weights != nil }
      guard !own.isEmpty else { continue }
      if let type = types?[tensor.name] {
        guard let blocks = type.blocks else {
          for layer in own { schemes[layer] = nil }
          kept += own
          continue
        }
        for layer in own { schemes[layer]?.weights = QuantizationArguments(blocks) }
      }
      guard file.dtype(of: tensor) == .float32 else { continue }
      for layer in own where schemes[layer]?.weights?.type == .int {
        if schemes[layer]?.weights?.blocks == nil {
          schemes[layer]?.weights?.tunedScaleDType = .float16
        }
      }
    }
    guard !kept.isEmpty else { return (schemes, [], file) }
    guard !schemes.isEmpty else {
      throw InputError(
        .unsupported, source: folder.path(percentEncoded: false), place: kept[0],
        "has rows that are not of whole blocks of \(ScaleBlockType.size), as all layers have")
    }
    return (
      schemes,
      [
        Diagnostics.enumerated(kept, "layer")
          + " left as in the source: rows are not of whole blocks"
      ], file
    )
  }
}
