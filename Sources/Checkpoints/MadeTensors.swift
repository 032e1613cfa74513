package import Diagnostics
package import Foundation
package import Tensors

/// Tensors that a checkpoint does not have as they are read: they are made of what its files hold, one at a time, when
/// they are asked for. Whoever reads the checkpoint finds their names, types and shapes, as in full precision.
///
/// The checkpoint's other tensors are those of its own files. A checkpoint without such files has none but these.
package protocol MadeTensors: Sendable {
  /// How the weights are stored, for people.
  var storage: SourceStorage { get }

  /// The names of all tensors of the checkpoint, made or not, in the order in which they are best read.
  var names: [String] { get }

  /// Type and shape of a tensor that is made; nil for any other.
  func info(_ name: String) -> TensorInfo?

  /// Whether a tensor in the checkpoint's own files is a part of these, and has no name besides.
  func hides(_ stored: String) -> Bool

  /// Whether a tensor that is made takes memory of its own, rather than being a part of a file.
  func takesMemory(_ name: String) -> Bool

  /// Bytes that making a tensor takes for a while beside the tensor itself.
  func passingByteCount(of name: String) -> Int

  /// Whether a tensor that is made has a row for each output of a linear layer, whatever the model's family does.
  func hasRowForEachOutput(_ name: String) -> Bool

  /// Makes a tensor, or one slice of it along the first dimension.
  ///
  /// - Parameters:
  ///   - name: One of which there is ``info(_:)``.
  ///   - member: Which slice, below the first extent; nil for all.
  /// - Throws: `InputError` naming file and tensor; `notFinite` for what stands for no numbers.
  func read(_ name: String, member: Int?) throws(InputError) -> Tensor

  /// The file that a tensor is made of, for errors; nil where it is not known.
  func file(of name: String) -> URL?

  /// Refuses what would give numbers that are infinite or NaN and that the numbers in files do not show.
  ///
  /// - Parameter proceed: Called from time to time. What it throws ends the reading.
  func requireFinite(_ proceed: () throws -> Void) throws

  /// Files besides those of the checkpoint that the tensors are made of.
  var ownFiles: [any TensorFile] { get }
}

extension MadeTensors {
  package func hides(_ stored: String) -> Bool { false }
  package func takesMemory(_ name: String) -> Bool { info(name) != nil }
  package func passingByteCount(of name: String) -> Int { 0 }
  package func hasRowForEachOutput(_ name: String) -> Bool { false }
  package func requireFinite(_ proceed: () throws -> Void) throws {}
  package var ownFiles: [any TensorFile] { [] }
}

/// How the weights of a checkpoint are stored that are read as other numbers.
package struct SourceStorage: Sendable, Equatable, CustomStringConvertible {
  /// What configurations call it: `fp8`, `gptq`.
  package var method: String
  /// How weights are stored, in words.
  package var text: String
  /// The types that they are read in.
  package var dtypes: [DType]
  /// How many tensors are read so.
  package var tensorCount: Int
  /// The weights in them, and the bytes that they take in the files.
  package var weightCount: Int
  package var byteCount: Int

  package init(
    method: String, text: String, dtypes: [DType], tensorCount: Int, weightCount: Int,
    byteCount: Int
  ) {
    (self.method, self.text, self.dtypes) = (method, text, dtypes)
    (self.tensorCount, self.weightCount, self.byteCount) = (tensorCount, weightCount, byteCount)
  }

  /// How they are stored and read.
  package var description: String {
    "\(text), read as \(dtypes.map(\.rawValue).joined(separator: " and "))"
  }
}
