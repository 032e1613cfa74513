import CompressedTensors
public import Diagnostics
import Execution
package import GGUF
import GPTQ
import MLX
package import Quantization
package import QuantizedCheckpoints

/// A format of checkpoints that a run can be asked to write.
public struct OutputFormat: NamedFormat {
  /// What it is asked for by: `compressed-tensors`.
  public let name: String
  /// What it is, and for whom, in a few words.
  public let summary: String
  /// The type of its file, where that is one of llama.cpp.
  package let fileType: GGUFFileType?
  /// Makes the family of a model's layers, or says which of them it cannot hold.
  private let make:
    @Sendable ([String: QuantizationScheme]) throws(InputError) -> any CheckpointFamily

  private init(
    _ name: String, _ summary: String, fileType: GGUFFileType? = nil,
    _ make:
      @escaping @Sendable ([String: QuantizationScheme]) throws(InputError) ->
      any CheckpointFamily
  ) {
    (self.name, self.summary, self.fileType, self.make) = (name, summary, fileType, make)
  }

  /// All formats, the usual one first.
  public static let all: [OutputFormat] = checkpoints + files

  /// Files of llama.cpp, by their types.
  public static let files: [OutputFormat] = GGUFFileType.allCases.filter { !$0.usualType.isPlain }
    .map { type in
      OutputFormat("gguf:\(type.name)", "llama.cpp, in one file", fileType: type) {
        _ throws(InputError) in
        throw InputError(.unsupported, place: "gguf", "is one file, expected a checkpoint")
      }
    }

  /// Formats of whole checkpoints.
  public static let checkpoints: [OutputFormat] = [
    compressedTensors,
    OutputFormat("auto-round", "auto-round, transformers and vLLM; integers of 2, 3, 4 and 8 bits")
    {
      schemes throws(InputError) in try GPTQ.family(.autoRound, of: schemes)
    },
    OutputFormat("gptq", "GPTQModel, transformers and vLLM; integers of 2, 3, 4 and 8 bits") {
      schemes throws(InputError) in try GPTQ.family(.gptq, of: schemes)
    },
    OutputFormat("awq", "AutoAWQ, transformers and vLLM; integers of 4 bits") {
      schemes throws(InputError) in try GPTQ.family(.awq, of: schemes)
    },
    OutputFormat("mlx", "mlx-lm; integers of 2 to 6 and 8 bits in groups of 32, 64 or 128") {
      schemes throws(InputError) in try MLX.family(of: schemes)
    },
  ]

  /// What vLLM and transformers load.
  public static let compressedTensors = OutputFormat(
    "compressed-tensors", "vLLM and transformers"
  ) { _ in CheckpointFamilies.usual }

  /// The format of a name.
  ///
  /// - Throws: `InputError` that lists the formats.
  public init(named name: String) throws(InputError) {
    self = try Self.find(name)
  }

  /// How the layers of a model are stored.
  ///
  /// - Parameters:
  ///   - schemes: By layer.
  ///   - offeringOthers: Whether an error names the formats that hold the model.
  /// - Throws: `unsupported` for a layer that it cannot hold.
  package func family(
    of schemes: [String: QuantizationScheme], offeringOthers: Bool = true
  ) throws(InputError) -> any CheckpointFamily {
    do throws(InputError) {
      return try familyHolding(schemes)
    } catch {
      let others = Self.checkpoints.filter { other in
        guard other != self else { return false }
        return (try? other.familyHolding(schemes)) != nil
      }
      guard offeringOthers, !others.isEmpty else { throw error }
      throw InputError(
        error.code, source: error.source, place: error.place,
        error.message + "; formats that hold the whole: "
          + others.map(\.name).joined(separator: ", "))
    }
  }

  private func familyHolding(
    _ schemes: [String: QuantizationScheme]
  ) throws(InputError) -> any CheckpointFamily {
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      do throws(InputError) {
        try scheme.weights?.requireOwnScales()
      } catch {
        throw error.below(layer)
      }
    }
    let family = try make(schemes)
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      try family.requireHolds(scheme, path: layer)
    }
    return family
  }

  /// Whether both have one name.
  public static func == (a: Self, b: Self) -> Bool { a.name == b.name }
}
