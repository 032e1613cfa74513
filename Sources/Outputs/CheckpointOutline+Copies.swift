import Checkpoints
import QuantizedCheckpoints
import Tensors

extension CheckpointOutline {
  /// Writes the tensors that are as in the source.
  ///
  /// - Parameter read: Hands over a tensor of the source by its name, whole or as the members of a stack one after
  ///   another.
  func writeCopies(
    to writer: CheckpointWriter,
    read: (String, (_ member: Int?, Tensor) throws -> Void) throws -> Void
  ) throws {
    for copy in copies {
      try read(copy.source) { member, tensor in
        try writer.write(
          tensor, at: TensorPlace(tensor: copy.place.tensor, index: member ?? copy.place.index))
      }
    }
  }
}
