internal import CKernels
package import Tensors

/// The end of a language model: the last norm, then the head, giving logits in f32 a few rows at a time.
package final class OutputProjection {
  /// Rows of logits that one call makes at most.
  package let rowLimit: Int
  package let vocabularySize: Int

  private let device: CPUDevice
  private let hiddenSize: Int
  private let norm: [Float]
  private let epsilon: Float
  private let head: Tensor
  private let inputs: (quantization: ActivationQuantization, scale: Float)?
  private let normed: UnsafeMutableRawPointer
  private let quantized: UnsafeMutableRawPointer
  private let inverse: UnsafeMutablePointer<Float>
  private let logits: UnsafeMutablePointer<Float>

  /// - Parameters:
  ///   - norm: `[hidden size]`.
  ///   - head: `[vocabulary size, hidden size]`; used where it lies if it is of the compute type.
  ///   - inputs: How the normed hidden states are quantized, with their calibrated scale if they need one;
  ///     nil leaves them as they are.
  package init(
    norm: Tensor, epsilon: Float, head: Tensor,
    inputs: (quantization: ActivationQuantization, scale: Float)? = nil, device: CPUDevice
  ) {
    self.inputs = inputs
    self.device = device
    self.norm = norm.floats()
    self.epsilon = epsilon
    self.head = head.converted(to: device.compute.dtype)
    vocabularySize = head.shape[0]
    hiddenSize = head.shape[1]
    // 64 MiB of logits at a time.
    rowLimit = max(1, min(1024, (1 << 24) / vocabularySize))
    normed = Memory.allocate(byteCount: rowLimit * hiddenSize * device.compute.byteCount)
    quantized = Memory.allocate(
      byteCount: inputs == nil ? 0 : rowLimit * hiddenSize * device.compute.byteCount)
    inverse = Memory.allocate(capacity: rowLimit)
    logits = Memory.allocate(capacity: rowLimit * vocabularySize)
  }

  deinit {
    normed.deallocate()
    quantized.deallocate()
    inverse.deallocate()
    logits.deallocate()
  }

  /// The logits of `rows` hidden states, `[rows, vocabulary size]`, valid until the next call.
  package func logits(of hidden: UnsafeRawPointer, rows: Int) throws -> UnsafePointer<Float> {
    precondition(rows > 0 && rows <= rowLimit)
    let compute = device.compute
    let product = try device.product(
      ProductShape(
        m: rows, n: vocabularySize, k: hiddenSize, transposesB: true, input: compute.product,
        output: .float32))
    norm.withUnsafeBufferPointer { norm in
      ThreadTeam.forRanges(of: rows) {
        ck_rms_norm(
          compute.element, hidden, norm.baseAddress, normed, inverse, hiddenSize, epsilon, $0, $1)
      }
    }
    if let inputs {
      let rule = inputs.quantization.kernelRule(
        columns: hiddenSize, type: compute.element, scale: inputs.scale)
      ThreadTeam.forRanges(of: rows) { begin, end in
        withUnsafePointer(to: rule) {
          ck_activation_quantize($0, normed, hiddenSize, quantized, begin, end)
        }
      }
    }
    head.withUnsafeBytes {
      product.run(inputs == nil ? normed : quantized, $0.baseAddress!, logits)
    }
    return UnsafePointer(logits)
  }
}
