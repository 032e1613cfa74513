package import Diagnostics
import JSONText
import Tuning
public import Verification

/// What a run will do and take, known before it begins.
public struct RunPlan: Sendable, Equatable {
  /// What is to be written in one format.
  public struct Output: Sendable, Equatable {
    /// The format's name.
    public var format: String
    /// The folder in the output; nil for the output itself.
    public var folder: String?
    /// The files of the checkpoint, exact to the byte; those about the run come on top.
    public var files: [File]
    /// Bytes of its tensors.
    public var tensorByteCount: Int
    /// Stored bits per weight of the quantized layers, scales and zero points included.
    public var bitsPerWeight: Double
    /// Stored bits per parameter of the whole model.
    public var bitsPerParameter: Double
    /// The same without the embedding and the head.
    public var bitsPerParameterWithoutEmbeddings: Double
    /// How many devices will be able to share each layer evenly, up to 64; never empty.
    public var tensorParallelSizes: [Int]
    /// The programs that serve such checkpoints, and whether they will load this one.
    public var runtimes: [RuntimeSupport]

    /// Bytes of all its files.
    public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
  }

  /// A linear layer that is to be quantized.
  public struct Layer: Sendable, Equatable {
    /// The module's full name.
    public var name: String
    /// Outputs and inputs.
    public var shape: [Int]
    /// The scheme in words.
    public var scheme: String
    /// Bytes of all tensors that are stored for the layer, in the first output.
    public var byteCount: Int

    /// Stored bits for each weight, scales and all included.
    public var bitsPerWeight: Double {
      8 * Double(byteCount) / Double(max(1, shape.reduce(1, *)))
    }
  }

  /// A tensor that stays as it is.
  public struct KeptTensor: Sendable, Equatable {
    /// The tensor's name.
    public var name: String
    /// Type and shape.
    public var storage: String
    /// Bytes of it.
    public var byteCount: Int
    /// Why it is not quantized.
    public var reason: String
  }

  /// A file of the output.
  public struct File: Sendable, Equatable {
    /// Its name in the checkpoint's folder.
    public var name: String
    /// Bytes of it.
    public var byteCount: Int
  }

  /// The source as the user named it.
  public var model: String
  /// The architecture in the source's configuration.
  public var architecture: String
  /// How the source's weights are stored if that is in small floats, which are read as numbers; nil in full precision.
  public var sourceStorage: String?
  /// The schemes in one line.
  public var scheme: String
  /// What is quantized, in the order of the model.
  public var layers: [Layer]
  /// What is copied, in the order of the source's files.
  public var keptTensors: [KeptTensor]
  /// What is written, by format, in the order in which these were asked for; never empty.
  public var outputs: [Output]
  /// Bytes of the source's tensors.
  public var sourceByteCount: Int
  /// The largest resident memory.
  public var memory: MemoryEstimate
  /// Portions that blocks of experts are tuned in, one after the other, because a memory budget does not suffice for whole
  /// ones; 1 for whole blocks.
  public var portionCount: Int
  /// Bytes of memory that are free now; nil where nobody knows.
  public var freeMemoryByteCount: Int?
  /// Bytes on the output's disk that a run needs while it runs, besides the files.
  public var scratchByteCount: Int
  /// Bytes that are free on the output's disk; nil where nobody knows.
  public var freeDiskByteCount: Int?
  /// Seconds; nil if nothing was measured.
  public var time: TimeEstimate?
  /// What the user should know.
  public var warnings: [String]

  /// How many times as long as whole blocks it takes to tune them in portions, about.
  public var portionTimeFactor: Double
  /// The output of the format that was asked for first.
  public var first: Output { outputs[0] }
  /// All files of the checkpoints, each by its path in the output.
  public var files: [File] {
    outputs.flatMap { output in
      output.files.map {
        File(name: (output.folder.map { $0 + "/" } ?? "") + $0.name, byteCount: $0.byteCount)
      }
    }
  }
  /// Bytes of all tensors that are written.
  public var tensorByteCount: Int { outputs.reduce(0) { $0 + $1.tensorByteCount } }
  /// Bytes of all files of the checkpoints.
  public var byteCount: Int { outputs.reduce(0) { $0 + $1.byteCount } }
  /// Bytes that the run needs on the output's disk at the most.
  public var diskByteCount: Int { byteCount + scratchByteCount }
}

extension RunPlan {
  /// Why a run would be refused with what is free now; empty if nothing is known to be too small.
  public var shortages: [String] {
    var shortages: [String] = []
    do throws(InputError) {
      try requireMemory(free: freeMemoryByteCount)
    } catch {
      shortages.append(error.message)
    }
    if let freeDiskByteCount, freeDiskByteCount < diskByteCount {
      shortages.append(
        "the run takes \(Quantities.bytes(diskByteCount)) on the disk, and "
          + "\(Quantities.bytes(freeDiskByteCount)) are free")
    }
    return shortages
  }

  /// Refuses a run that needs more memory than there is.
  ///
  /// - Parameter free: Bytes that the process can take besides what it has; nil if nobody knows.
  package func requireMemory(free: Int?) throws(InputError) {
    // The system takes mapped pages back where it has to, and streams can go to scratch files.
    let wanted = memory.byteCount - memory.mapped - memory.process - memory.streams
    guard let free, wanted > free else { return }
    throw InputError(
      .unwritable, source: model,
      "the run takes about \(Quantities.bytes(wanted)) of memory, and \(Quantities.bytes(free)) are "
        + "free; "
        + (memory.block > 0
          ? "make \(OptionName.sequenceLength) or \(OptionName.batchSize) smaller, or " : "")
        + "try nevertheless with \(OptionName.ignoresLimits)")
  }
}

/// The memory of a run at its largest, in bytes.
public struct MemoryEstimate: Sendable, Equatable {
  /// The program itself, with the libraries that it uses.
  public var process: Int
  /// A block's weights, activations and gradients, or the heads that the result is measured with if these take more.
  public var block: Int
  /// What is learned for each weight, now and at best.
  public var tuning: Int
  /// The hidden states of all samples, in the original model and in the quantized one.
  public var streams: Int
  /// A view of the source's weights, which the system can take back.
  public var mapped: Int

  /// All of it.
  public var byteCount: Int { process + block + tuning + streams + mapped }
}

/// How long a run will take, from a measurement on this machine.
public struct TimeEstimate: Sendable, Equatable {
  /// Seconds for each block, one after the other.
  public var blockSeconds: Double
  /// Blocks.
  public var blockCount: Int
  /// Seconds for the rest: reading what was written, and comparing it with the source.
  public var otherSeconds: Double
  /// Seconds that the measurement took.
  public var measuringSeconds: Double
  /// The time of the processors that the measured steps got, as a share of what their threads could have
  /// used. It is near 1 on a machine that does nothing else.
  public var processorShare: Double

  /// Whether other programs, or a quota, kept the measured steps from the processors. The run is then
  /// estimated for a machine that stays as busy.
  public var isOnBusyMachine: Bool { processorShare < 0.75 }

  /// Seconds of the whole run.
  public var seconds: Double { blockSeconds * Double(blockCount) + otherSeconds }
}
