package import Checkpoints
package import Diagnostics
package import Execution
package import Foundation
package import Quantization
package import Reporting
package import Tensors
package import Verification

/// What the files of a copy hold, all of it known before there is data.
package protocol CopyContents {
  /// How its tensors are spread over files.
  var plan: CheckpointPlan { get }
  /// Every tensor as files have it.
  var tensors: [TensorInfo] { get }
  /// Bytes of the quantized weights, scales and zero points included.
  var weightByteCount: Int { get }
  /// What besides the tensors decides its bytes, as a text: two copies with the same are equal.
  var identity: String { get }
  /// Who reads it.
  var readers: FormatReaders { get }
  /// Whole files that are its own.
  var documents: [(name: String, text: String)] { get }
  /// Whether the other files of the source go along.
  var takesFiles: Bool { get }
  /// What the user should know of it.
  var remarks: [String] { get }

  /// The weight of a quantized layer as what files have of it, with the places.
  ///
  /// - Throws: `unsupported` for numbers that it does not hold as they are.
  func stored(
    _ weight: QuantizedWeight, of layer: String
  ) throws(InputError) -> [(place: TensorPlace, tensor: Tensor)]

  /// A scale of activations.
  func stored(scale: Float, named name: String) -> (place: TensorPlace, tensor: Tensor)

  /// Writes all tensors but those of quantized layers.
  func writeOthers(from source: LayeredCheckpoint, to writer: CheckpointWriter) throws

  /// Bytes of a quantized layer.
  func byteCount(ofLayer layer: String) -> Int

  /// Whether a tensor of the source stays as it is.
  func keeps(_ info: TensorInfo) -> Bool

  /// Bytes of all tensors but what some of the source have become.
  func byteCount(without names: Set<String>) -> Int

  /// What can be said of it before it is written.
  ///
  /// - Parameter layers: Rows and columns of every linear layer, by name, and whether it is to be quantized.
  func planned(
    _ layers: [String: (shape: [Int], isQuantized: Bool)]
  ) -> VerificationReport

  /// Reads the finished files again.
  func verified(in folder: URL, source: URL?, reach: TuningReach) -> VerificationReport
}
