package import Recordings

/// The weights of one block in the form in which a program reads them.
///
/// Programs that were recorded for the same structure can share it: one for many tokens, one for a single
/// token, bound to one block after another.
package final class ParameterMemory {
  package private(set) var buffers: [any DeviceBuffer]
  /// The parameters that have no memory of their own.
  private var made: [MadeMatrix?]

  /// Memory for everything that `recording` reads: zeros for vectors, which may be scales that are not loaded;
  /// undefined for matrices, and none for those that are made.
  init(_ recording: Recording, device: any Device) {
    let isMade = recording.areMade(on: device)
    made = zip(recording.parameters, isMade).map { $1 ? MadeMatrix($0) : nil }
    buffers = zip(recording.parameters, isMade).map { info, isMade in
      let buffer = device.makeBuffer(byteCount: isMade ? 0 : recording.byteCount(of: info))
      if !info.isMatrix { buffer.clear(from: 0, byteCount: buffer.byteCount) }
      return buffer
    }
  }

  /// Reads a parameter from `buffer`, which has its type and shape, from now on; nobody may write to it.
  func use(_ buffer: any DeviceBuffer, as parameter: Parameter) {
    buffers[parameter.index] = buffer
  }

  /// Reads a part of a parameter that is made from `source` from now on.
  func use(_ source: any MatrixSource, for part: BoundPart) {
    precondition(made[part.parameter.index] != nil, "\(part.name) has memory of its own")
    made[part.parameter.index]?.use(source, forPart: part.index)
  }

  /// Whether a parameter has no memory of its own.
  func isMade(_ parameter: Parameter) -> Bool { made[parameter.index] != nil }

  /// A parameter that is made.
  package subscript(made parameter: Parameter) -> MadeMatrix {
    guard let matrix = made[parameter.index] else {
      preconditionFailure("the parameter has memory of its own")
    }
    return matrix
  }
}

extension Recording {
  /// For each parameter, whether it is a matrix of which all that read it make the parts that they need, so that it has no
  /// memory.
  func areMade(on device: any Device) -> [Bool] {
    parameters.indices.map { index in
      guard parameters[index].isMatrix else { return false }
      let readers = nodes.filter { $0.parameters.contains(Parameter(index: index)) }
      return !readers.isEmpty && readers.allSatisfy(device.makesMatrices)
    }
  }
}
